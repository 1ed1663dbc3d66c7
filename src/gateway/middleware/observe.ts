import type { MiddlewareHandler } from "hono"
import type { Env } from "../http.ts"
import type { Metrics } from "../metrics/Metrics.ts"

const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])

/** Counts every request by the pattern of its route, never by its path: strangers must not make new series. */
export const observe = (metrics: Metrics["Service"]): MiddlewareHandler<Env> =>
  async function observe(c, next) {
    const startedAt = performance.now()
    await next()
    metrics.observeRequest({
      method: knownMethods.has(c.req.method) ? c.req.method : "OTHER",
      route: c.get("route"),
      status: c.res.status,
      seconds: (performance.now() - startedAt) / 1000
    })
  }
