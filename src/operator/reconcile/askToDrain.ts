import { Effect, Result } from "effect"
import type { StoredGpuPool } from "../../platform/kubernetes/resources.ts"
import { Signals } from "../../platform/nats/Signals.ts"
import { AgentPods } from "../fleet/pods.ts"
import type { PodView } from "../fleet/podView.ts"
import { OperatorMetrics } from "../health/OperatorMetrics.ts"
import type { PodPlan } from "./podPlan.ts"
import type { PoolState } from "./poolState.ts"

const requestsAtOnce = 16

/** Those that were asked and are not any more: they are wanted after all, or got a job just before. Nobody waits for their lease. */
export const callBack = Effect.fn("callBack")(function*(state: PoolState, pool: StoredGpuPool, plan: PodPlan, pods: ReadonlyArray<PodView>) {
  const signals = yield* Signals
  const leaving = new Set([...plan.ask, ...plan.remove].map(({ pod }) => pod.name))
  for (const { ended, name, terminating } of pods) {
    if (!state.asked.has(name) || leaving.has(name) || terminating || ended !== undefined) continue
    yield* signals.resume({ pool: pool.metadata.name, agent: name }, "operator")
  }
})

/**
 * Asks agents to take no more jobs, and deletes the pods of those that confirm that they hold none. A request is a lease
 * (job-log rule 21): whoever is not asked again goes back to work.
 */
export const askToDrain = Effect.fn("askToDrain")(function*(state: PoolState, pool: StoredGpuPool, ask: PodPlan["ask"]) {
  const agents = yield* AgentPods
  const metrics = yield* OperatorMetrics
  const signals = yield* Signals
  yield* Effect.forEach(ask, Effect.fnUntraced(function*({ pod, why }) {
    const reply = yield* Effect.result(signals.drain({ pool: pool.metadata.name, agent: pod.name }, "operator"))
    const wasHeard = state.sightings.find((one) => one.id === pod.name)?.heardAt !== undefined
    // A process that nobody has heard yet and that is not ready has claimed nothing; should it do so now, its own
    // two-step stop finishes the job or gives it back.
    const isUnborn = Result.isFailure(reply) && !wasHeard && pod.readySince === undefined
    if (!isUnborn && (Result.isFailure(reply) || !reply.success.drained)) return
    if (!(yield* agents.remove(pool, pod))) return
    metrics.removed(pool.metadata.name, "idle")
    yield* Effect.logInfo(`pod ${pod.name} is removed: ${why}`)
  }), { concurrency: requestsAtOnce, discard: true })
})
