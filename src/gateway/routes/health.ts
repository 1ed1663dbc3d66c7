import { Effect, Schema } from "effect"
import type { Context } from "hono"
import { HealthResponse } from "../../contract/ModelsApi.ts"
import { ApiKeys } from "../../platform/nats/ApiKeys.ts"
import { Capacity } from "../../platform/nats/Capacity.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { GatewayConfig } from "../config.ts"
import type { Env } from "../http.ts"
import { PoolRegistry } from "../pools/PoolRegistry.ts"
import { Shutdown } from "../Shutdown.ts"
import { FeedHub } from "../waiting/FeedHub.ts"

/** A projection this far behind answers with old counts; a gateway this far behind takes no traffic. */
const lagMaxEvents = 1_000
const brokerAway = { ok: false, detail: "the broker (NATS) does not answer" }

/** `GET /livez`: the process serves requests; nothing else is asked. */
export const livez = (c: Context<Env>) => c.json({ status: "ok" }, 200, { "Cache-Control": "no-store" })

const checkFeed = Effect.gen(function*() {
  const lag = yield* (yield* FeedHub).lag
  if (lag === undefined) return brokerAway
  return { ok: lag <= lagMaxEvents, detail: lag <= lagMaxEvents ? "caught up" : `${lag} events behind` }
})

const checkKeys = Effect.gen(function*() {
  const keys = yield* (yield* ApiKeys).list
  return keys.length > 0 ? { ok: true, detail: `${keys.length} configured` } : { ok: false, detail: "no API key is configured" }
}).pipe(Effect.catchTag("LogUnavailable", () => Effect.succeed(brokerAway)))

const checkPools = Effect.gen(function*() {
  const ok = yield* (yield* PoolRegistry).isKnown
  return { ok, detail: ok ? "known" : "the pools were not read yet: the Kubernetes API does not answer" }
})

const checkStopping = Effect.gen(function*() {
  const stopping = yield* (yield* Shutdown).isBegun
  return { ok: !stopping, detail: stopping ? "the gateway is stopping" : "serving" }
})

/** `GET /readyz`: whether this gateway should get traffic, and what is weaker than promised. */
export const readyz = Effect.fnUntraced(function*(c: Context<Env>) {
  const checks = yield* Effect.all({ serving: checkStopping, job_log: checkFeed, api_keys: checkKeys, pools: checkPools }, { concurrency: "unbounded" })
  const warnings = yield* (yield* Capacity).warnings.pipe(Effect.catchTag("LogUnavailable", () => Effect.succeed([])))
  const ready = Object.values(checks).every(({ ok }) => ok)
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
