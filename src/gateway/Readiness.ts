import { Context, Effect, Layer, Ref, Schedule } from "effect"
import { ApiKeys } from "../platform/nats/ApiKeys.ts"
import { Capacity } from "../platform/nats/Capacity.ts"
import { PoolRegistry } from "./pools/PoolRegistry.ts"
import { FeedHub } from "./waiting/FeedHub.ts"

/** A projection this far behind answers with old counts; a gateway this far behind takes no traffic. */
const lagMaxEvents = 1_000
const lookIntervalMs = 1_000

export interface Check {
  readonly ok: boolean
  readonly detail: string
}

export interface Findings {
  readonly checks: { readonly job_log: Check; readonly api_keys: Check; readonly pools: Check }
  /** What is weaker than promised. */
  readonly warnings: ReadonlyArray<string>
}

const brokerAway: Check = { ok: false, detail: "the broker (NATS) does not answer" }

/**
 * Whether this gateway should get traffic, as it was found a moment ago. Whoever asks gets an answer at once: a probe that
 * had to wait for a slow broker would be late on a busy machine, and one gateway after another would lose its traffic.
 */
export class Readiness extends Context.Service<Readiness, {
  readonly findings: Effect.Effect<Findings>
}>()("darkroom/gateway/Readiness") {
  static readonly layer = Layer.effect(Readiness, Effect.suspend(() => make))
}

const make = Effect.gen(function*() {
  const capacity = yield* Capacity
  const feed = yield* FeedHub
  const keys = yield* ApiKeys
  const pools = yield* PoolRegistry

  const feedCheck = Effect.map(feed.lag, (lag): Check => {
    if (lag === undefined) return brokerAway
    return { ok: lag <= lagMaxEvents, detail: lag <= lagMaxEvents ? "caught up" : `${lag} events behind` }
  })
  const keysCheck = keys.list.pipe(
    Effect.map((all): Check =>
      all.length > 0 ? { ok: true, detail: `${all.length} configured` } : { ok: false, detail: "no API key is configured" }),
    Effect.catchTag("LogUnavailable", () => Effect.succeed(brokerAway))
  )
  const poolsCheck = Effect.map(pools.isKnown, (ok): Check =>
    ({ ok, detail: ok ? "known" : "the pools were not read yet: the Kubernetes API does not answer" }))
  const warnings = capacity.warnings.pipe(Effect.catchTag("LogUnavailable", () => Effect.succeed([])))

  const look: Effect.Effect<Findings> = Effect.all({
    checks: Effect.all({ job_log: feedCheck, api_keys: keysCheck, pools: poolsCheck }, { concurrency: "unbounded" }),
    warnings
  }, { concurrency: "unbounded" })

  const found = yield* Ref.make(yield* look)
  yield* look.pipe(
    Effect.flatMap((findings) => Ref.set(found, findings)),
    Effect.catchCause((cause) => Effect.logWarning("a look at the gateway's readiness failed; the next one tries again", cause)),
    Effect.repeat(Schedule.spaced(lookIntervalMs)),
    Effect.withTracerEnabled(false),
    Effect.forkScoped
  )
  return Readiness.of({ findings: Ref.get(found) })
})
