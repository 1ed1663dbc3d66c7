import { Context, Duration, Effect, Layer } from "effect"
import { ApiKeys } from "../platform/nats/ApiKeys.ts"
import { Capacity } from "../platform/nats/Capacity.ts"
import { PoolRegistry } from "./pools/PoolRegistry.ts"
import { FeedHub } from "./waiting/FeedHub.ts"

/** A projection this far behind answers with old counts; a gateway this far behind takes no traffic. */
const lagMaxEvents = 1_000
/** What the broker does not tell by then is told as missing: a probe waits no longer than that. */
const lookMaxMs = 2_000

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

/** Whether this gateway should get traffic, as it is now. What needs no broker is known without asking anybody. */
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

  const inTime = <A>(look: Effect.Effect<A>, otherwise: A) =>
    Effect.timeoutOrElse(look, { duration: Duration.millis(lookMaxMs), orElse: () => Effect.succeed(otherwise) })

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

  const findings = Effect.all({
    checks: Effect.all({ job_log: inTime(feedCheck, brokerAway), api_keys: inTime(keysCheck, brokerAway), pools: poolsCheck }, { concurrency: "unbounded" }),
    warnings: inTime(warnings, [])
  }, { concurrency: "unbounded" })
  return Readiness.of({ findings: Effect.withTracerEnabled(findings, false) })
})
