import type { MiddlewareHandler } from "hono"
import { cors } from "hono/cors"
import type { Env } from "../http.ts"

/** Off without an allow-list. The preflight is answered before any key is asked for. */
export const crossOrigin = (origins: ReadonlyArray<string>): MiddlewareHandler<Env> =>
  cors({
    origin: (origin) => (origins.includes("*") || origins.includes(origin) ? origin : undefined),
    allowMethods: ["GET", "POST", "DELETE"],
    allowHeaders: [
      "Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Prefer", "traceparent", "X-API-Key",
      "X-Darkroom-Attach", "X-Request-Id"
    ],
    exposeHeaders: ["Location", "Preference-Applied", "Retry-After", "X-Darkroom-Warning", "X-Job-Id", "X-Request-Id", "X-Seed"],
    maxAge: 600
  })
