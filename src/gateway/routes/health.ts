import { Effect, Schema } from "effect"
import type { Context } from "hono"
import { HealthResponse } from "../../contract/ModelsApi.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { GatewayConfig } from "../config.ts"
import type { Env } from "../http.ts"
import { Readiness } from "../Readiness.ts"
import { Shutdown } from "../Shutdown.ts"
import { FeedHub } from "../waiting/FeedHub.ts"

/** `GET /livez`: the process serves requests; nothing else is asked, and nothing is done on the way here. */
export const livez = (c: Context<Env>) => c.json({ status: "ok" }, 200, { "Cache-Control": "no-store" })

/**
 * `GET /readyz`: whether this gateway should get traffic, and what is weaker than promised. Checks named by `exclude` are
 * told but not asked for: a broker that is away is away for every gateway, and one that stays in its Service answers 503
 * with its own words and Retry-After, where a Service without endpoints lets the Ingress say something bare.
 */
export const readyz = Effect.fnUntraced(function*(c: Context<Env>) {
  const { checks: found, warnings } = yield* (yield* Readiness).findings
  const stopping = yield* (yield* Shutdown).isBegun
  const checks = { serving: { ok: !stopping, detail: stopping ? "the gateway is stopping" : "serving" }, ...found }
  const excluded = new Set(c.req.queries("exclude"))
  const ready = Object.entries(checks).every(([name, { ok }]) => ok || excluded.has(name))
  return c.json({ status: ready ? "ready" : "not_ready", checks, warnings }, ready ? 200 : 503, { "Cache-Control": "no-store" })
})

/** `GET /health` of the models API: `device` is what living agents run on, the best of them. */
export const health = Effect.fnUntraced(function*(c: Context<Env>) {
  const { modelsDir } = yield* GatewayConfig
  const agents = yield* (yield* Presence).alive()
  const providers = agents.map((agent) => agent.execution_provider)
  const device = providers.includes("cuda") ? "cuda" : providers.includes("cpu") ? "cpu" : "none"
  const lag = yield* (yield* FeedHub).lag
  const body = { status: lag === undefined ? "degraded" as const : "ok" as const, device, models_dir: modelsDir } as const
  return c.json(yield* Effect.orDie(Schema.encodeEffect(HealthResponse)(body)), 200, { "Cache-Control": "no-store" })
})
