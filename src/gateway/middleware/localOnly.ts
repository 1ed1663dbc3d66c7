import type { MiddlewareHandler } from "hono"
import type { Env } from "../http.ts"
import { problem, problemResponse } from "../problem.ts"

const loopbackNames = ["localhost", "127.0.0.1", "[::1]"]

const hostnameOf = (authority: string): string => authority.toLowerCase().replace(/:\d+$/, "")

const originHost = (origin: string): string | undefined => URL.canParse(origin) ? new URL(origin).hostname : undefined

/**
 * For a listener without keys: a web page elsewhere must not reach it through the user's browser. The Host must be a
 * loopback name (a rebound DNS name is not), and a request that names an Origin must come from one, too.
 */
export const localOnly = (alsoAllowed: ReadonlyArray<string>): MiddlewareHandler<Env> => {
  const allowed = new Set([...loopbackNames, ...alsoAllowed.map((host) => host.toLowerCase())])
  return async function localOnly(c, next) {
    const host = hostnameOf(c.req.header("Host") ?? "")
    if (!allowed.has(host)) {
      return problemResponse(
        problem("wrong-host", `The models service answers to ${[...allowed].join(", ")}, not to "${host.slice(0, 100)}".`),
        c.get("requestId")
      )
    }
    const origin = c.req.header("Origin")
    const foreign = origin !== undefined && !allowed.has(originHost(origin) ?? "")
    if (foreign || c.req.header("Sec-Fetch-Site") === "cross-site") {
      return problemResponse(
        problem("foreign-origin", "Web pages of other origins may not use the models service; use the API on its own port with a key."),
        c.get("requestId")
      )
    }
    return next()
  }
}
