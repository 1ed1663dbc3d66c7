import { Effect, Schema } from "effect"
import type { Context } from "hono"
import { PoolQuery, QueueResponse, ScaleQuery, ScaleResponse } from "../../contract/EditApi.ts"
import { decodeFields } from "../admission/body.ts"
import { defaultPoolOf } from "../admission/route.ts"
import { GatewayConfig } from "../config.ts"
import type { Env } from "../http.ts"
import { PoolRegistry } from "../pools/PoolRegistry.ts"
import { gpuFigures, queueFigures } from "../pools/figures.ts"
import { invalidField, problem, retryAfter } from "../problem.ts"
import { Projection } from "../projection/Projection.ts"

const averagedJobs = 100

/** The pool named in the query, else the one that serves `/api/edit`. */
const poolOf = Effect.fnUntraced(function*(named: string | undefined) {
  const pools = yield* (yield* PoolRegistry).all
  const { defaultEditPool } = yield* GatewayConfig
  const pool = named === undefined ? defaultPoolOf(pools, defaultEditPool) : pools.find((pool) => pool.name === named)
  if (pool !== undefined) return pool
  return yield* named === undefined
    ? problem("no-pool", "No pool is configured; add one to pool.yaml.")
    : problem("not-found", `There is no pool "${named.slice(0, 64)}"; the pools are: ${pools.map((pool) => pool.name).join(", ")}.`)
})

/** `GET /api/queue` */
export const queue = Effect.fnUntraced(function*(c: Context<Env>) {
  const query = yield* decodeFields(PoolQuery, c.req.query())
  const pool = yield* poolOf(query.pool)
  const projection = yield* Projection
  yield* projection.catchUp
  const counts = yield* projection.counts({ pool: pool.name })
  const seconds = yield* projection.completedSeconds(pool.name, averagedJobs)
  const gpu = gpuFigures(pool)
  const body = { ...queueFigures(counts, seconds, gpu.active_replicas), gpu }
  return c.json(yield* Effect.orDie(Schema.encodeEffect(QueueResponse)(body)), 200, { "Cache-Control": "no-store" })
})

/** `POST /api/gpu/scale?replicas=n` */
export const scale = Effect.fnUntraced(function*(c: Context<Env>) {
  const query = yield* decodeFields(ScaleQuery, c.req.query())
  const pool = yield* poolOf(query.pool)
  const registry = yield* PoolRegistry
  const scaled = yield* registry.scale(pool.name, query.replicas).pipe(
    Effect.catchTags({
      ReplicasAboveCeiling: (error) =>
        Effect.fail(invalidField("replicas", `${error.message} (POOL_MAX_REPLICAS_CEILING)`)),
      PoolUnknown: (error) => Effect.fail(problem("not-found", error.message)),
      PoolsUnavailable: (error) => Effect.fail(problem("unavailable", `${error.message}; try again.`, { headers: retryAfter(2) })),
      PoolRefused: (error) => Effect.fail(problem("invalid-request", error.message)),
      PoolsForbidden: (error) => Effect.fail(problem("internal-error", error.message)),
      PoolFileError: (error) => Effect.fail(problem("internal-error", error.message))
    })
  )
  const body = { status: "scaled" as const, min_replicas: scaled.spec.replicas, max_replicas: scaled.spec.maxReplicas }
  return c.json(yield* Effect.orDie(Schema.encodeEffect(ScaleResponse)(body)))
})
