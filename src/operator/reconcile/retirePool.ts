import { Effect, Result } from "effect"
import type { StoredGpuPool } from "../../platform/kubernetes/resources.ts"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { AgentPods } from "../fleet/pods.ts"
import type { PodView } from "../fleet/podView.ts"
import { askToDrain } from "./askToDrain.ts"
import { measurePool } from "./measurePool.ts"
import { PoolObjects } from "./PoolObjects.ts"
import { drainTimeoutMs, type Measured, type PoolState } from "./poolState.ts"
import { tellStatus } from "./tellStatus.ts"

/** The end of a pool (job-log rule 24): nobody routes there, running jobs end, queued ones go, then pods, then lanes. */

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`

/** In words, what is still there; nothing when only the lanes are left. */
export const waitsFor = (measured: Pick<Measured, "depth" | "pods" | "sightings">): string | undefined => {
  const { depth, pods, sightings } = measured
  const busy = sightings.filter((one) => one.busy && one.phase !== "stopping").length
  if (busy > 0) return `${plural(busy, "job")} still running`
  if (pods.length > 0) return `${plural(pods.length, "pod")} still there`
  if (depth._tag === "Unreadable") return `nobody knows whether jobs are left: ${depth.reason}`
  return depth.depth > 0 ? `${plural(depth.depth, "job")} still in its queue; gateways move or fail them` : undefined
}

/** `since`: when this operator first saw that the pool is to go; the API server's clock may be another. */
const split = (pool: StoredGpuPool, since: number, { now, pods }: Measured) => {
  const overdue = now >= since + drainTimeoutMs(pool)
  const live = pods.filter((pod) => !pod.terminating)
  const canGo = (pod: PodView) => overdue || pod.ended !== undefined || pod.runningSince === undefined
  return { remove: live.filter(canGo), ask: live.filter((pod) => !canGo(pod)) }
}

/** An earlier try has removed the lanes: that no depth can be read any more is as it should be, and no news. */
const isOver = Effect.fnUntraced(function*(name: string, { depth, pods }: Measured) {
  if (pods.length > 0 || depth._tag === "Readable") return false
  const existing = yield* Effect.result((yield* Lanes).existing)
  return Result.isSuccess(existing) && !existing.success.has(name)
})

/** The last step, against the version that was written last. */
const letGo = Effect.fnUntraced(function*(pool: StoredGpuPool) {
  const { name } = pool.metadata
  const removed = yield* Effect.result((yield* Lanes).remove(name))
  if (Result.isFailure(removed)) {
    yield* Effect.logWarning(`pool ${name}: its lanes could not be removed yet: ${removed.failure.message}`)
    return false
  }
  yield* (yield* PoolObjects).removeFinalizer(pool)
  yield* Effect.logInfo(`pool ${name} is gone: its pods, its jobs and its lanes`)
  return true
})

/** True when nothing is left of the pool and it may go. */
export const retirePool = Effect.fn("retirePool")(function*(state: PoolState, pool: StoredGpuPool) {
  const agents = yield* AgentPods
  const measured = yield* measurePool(state, pool)
  const { depth, pods } = measured
  if (yield* isOver(pool.metadata.name, measured)) return yield* letGo(pool)
  const waiting = waitsFor(measured) ?? "its lanes are being removed"
  // First of all: from here on gateways route nothing to it.
  const told = yield* tellStatus(state, pool, { measured, decision: { desired: 0, reason: "Idle" }, acted: true, deleting: waiting })
  const { ask, remove } = split(pool, state.retiringSince ??= measured.now, measured)
  yield* Effect.forEach(remove, (pod) => agents.remove(pool, pod), { concurrency: 16, discard: true })
  state.asked = new Set(ask.map((pod) => pod.name))
  yield* askToDrain(state, pool, ask.map((pod) => ({ pod, why: "its pool is being deleted" })))
  return pods.length === 0 && depth._tag === "Readable" && depth.depth === 0 ? yield* letGo(told) : false
})
