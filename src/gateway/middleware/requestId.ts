import type { MiddlewareHandler } from "hono"
import { routePath } from "hono/route"
import { randomUUID } from "node:crypto"
import type { Env } from "../http.ts"

/** Notes the route's pattern; every answer names its request; a caller's own `X-Request-Id` is kept when it is harmless. */
export const requestId: MiddlewareHandler<Env> = async function requestId(c, next) {
  const given = c.req.header("X-Request-Id")
  const id = given !== undefined && /^[\w.-]{1,100}$/.test(given) ? given : randomUUID()
  c.set("requestId", id)
  const pattern = routePath(c, -1)
  c.set("route", pattern === "/*" || pattern === "*" ? "(unknown)" : pattern)
  await next()
  c.res.headers.set("X-Request-Id", id)
}
