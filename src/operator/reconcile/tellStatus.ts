import { Clock, Effect } from "effect"
import { EventRecorder } from "../../platform/kubernetes/EventRecorder.ts"
import type { StoredGpuPool } from "../../platform/kubernetes/resources.ts"
import { OperatorMetrics } from "../health/OperatorMetrics.ts"
import type { Decision } from "../scaling/decide.ts"
import { PoolObjects } from "./PoolObjects.ts"
import type { Measured, PoolState } from "./poolState.ts"
import { isMinorChange, isSameStatus, noticesOf, podStatusOf } from "./podStatus.ts"

/** Figures that change with every job are written so often at most. */
const minorIntervalMs = 2_000

export interface Told {
  readonly measured: Measured
  readonly decision: Pick<Decision, "desired" | "reason">
  readonly acted: boolean
  readonly deleting: string | undefined
}

/** Writes the status when it says something new, and tells transitions as Kubernetes Events. Gives the pool as it is then. */
export const tellStatus = Effect.fn("tellStatus")(function*(state: PoolState, pool: StoredGpuPool, told: Told) {
  const { acted, decision, deleting, measured } = told
  const now = yield* Clock.currentTimeMillis
  const { coldStart, lanesReadyFor, lastScale, refused, restarts: { failures, lastFailure } } = state
  const status = podStatusOf({
    pool,
    depth: measured.depth,
    replicas: measured.sightings,
    decision,
    lanesReadyFor,
    failures,
    lastFailure,
    lastColdStartMs: undefined,
    pods: measured.pods,
    refused,
    deleting,
    coldStart,
    lastScale,
    lastActiveAt: state.memory?.lastActiveAt,
    acted
  }, state.status, new Date(now).toISOString())
  ;(yield* OperatorMetrics).status(pool.metadata.name, status)
  if (isSameStatus(state.status, status) && (isSameStatus(pool.status, status) || now - state.writtenAt < minorIntervalMs)) return pool
  if (isMinorChange(state.status, status) && now - state.writtenAt < minorIntervalMs) return pool
  const written = yield* (yield* PoolObjects).writeStatus(pool, status)
  const recorder = yield* EventRecorder
  const { metadata: { name, uid } } = pool
  const regarding = { apiVersion: pool.apiVersion, kind: pool.kind, name, uid }
  for (const notice of noticesOf(state.status, status)) yield* recorder.record({ regarding, ...notice })
  state.status = status
  state.writtenAt = now
  return written
})
