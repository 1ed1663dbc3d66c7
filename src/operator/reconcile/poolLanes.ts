import { Effect, Result } from "effect"
import type { GpuPool } from "../../contract/GpuPool.ts"
import { type Depth, Lanes } from "../../platform/nats/Lanes.ts"

/** The lanes of a pool follow its models: made before jobs may come, and removed when the pool has given a model up. */

export interface PoolLanes {
  /** Models whose lanes exist: jobs for them may be routed here. */
  lanesReadyFor: ReadonlyArray<string>
  /** They were there once, and somebody has seen since that some are gone: deleted, or not restored with the broker. */
  lanesMissing: boolean
  /** With these models no lane of another is left. */
  lanesTidyFor: ReadonlyArray<string>
  /** Why they could not be made, as it was told. */
  lanesProblem: string | undefined
}

export const noLanes = (): PoolLanes => ({ lanesReadyFor: [], lanesMissing: false, lanesTidyFor: [], lanesProblem: undefined })

export const ensureLanes = Effect.fnUntraced(function*(state: PoolLanes, pool: GpuPool) {
  const { metadata: { name }, spec: { models } } = pool
  if (models.join() === state.lanesReadyFor.join() && !state.lanesMissing) return
  const ensured = yield* Effect.result((yield* Lanes).ensure(name, models))
  if (Result.isSuccess(ensured)) {
    if (state.lanesMissing) yield* Effect.logWarning(`pool ${name}: some of its lanes were gone, and are made anew`)
    state.lanesReadyFor = models
    state.lanesMissing = false
    state.lanesProblem = undefined
  } else if (state.lanesProblem !== ensured.failure.message) {
    state.lanesProblem = ensured.failure.message
    yield* Effect.logWarning(`pool ${name}: its lanes could not be created yet: ${ensured.failure.message}`)
  }
})

/** What a measure of the depth says about them. */
export const noteLanes = (state: PoolLanes, depth: Depth): void => {
  if (depth._tag === "Unreadable" && depth.lanesMissing === true) state.lanesMissing = true
}

/**
 * Removes the lanes of models that the pool has given up. What waits there is moved or failed by gateways, as with a pool
 * that is deleted (job-log rule 24); what runs is acknowledged first. `hasOldAgents`: agents with an earlier spec are still
 * there, which poll those lanes and may finish what they took from them.
 */
export const tidyLanes = Effect.fnUntraced(function*(state: PoolLanes, pool: GpuPool, hasOldAgents: boolean) {
  const { metadata: { name }, spec: { models } } = pool
  if (hasOldAgents || models.join() === state.lanesTidyFor.join() || models.join() !== state.lanesReadyFor.join()) return
  const tidied = yield* Effect.result((yield* Lanes).removeDropped(name, models))
  // What could not be removed now is looked at again the next time.
  if (Result.isSuccess(tidied) && tidied.success) state.lanesTidyFor = models
})
