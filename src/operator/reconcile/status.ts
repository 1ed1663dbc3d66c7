import type { GpuPool, GpuPoolStatus, PoolState } from "../../contract/GpuPool.ts"
import type { Decision, ObservedDepth } from "../scaling/decide.ts"
import type { Sighting } from "../fleet/observe.ts"
import { poolModels } from "./poolModels.ts"

/** What a pool's status says, from facts alone. Pure. */

export interface PoolFacts {
  readonly pool: GpuPool
  readonly depth: ObservedDepth
  readonly replicas: ReadonlyArray<Sighting>
  readonly decision: Pick<Decision, "desired" | "reason">
  /** Models whose lanes exist. */
  readonly lanesReadyFor: ReadonlyArray<string>
  /** Crashes in a row, without a replica that stayed. */
  readonly failures: number
  readonly lastFailure: string | undefined
  readonly lastColdStartMs: number | undefined
}

type Condition = GpuPoolStatus["conditions"][number]
export type Verdict = Pick<Condition, "type" | "status" | "reason" | "message">

export const isReady = (replica: Sighting) =>
  replica.phase === "idle" || replica.phase === "busy" || (replica.phase === "draining" && replica.readyAt !== undefined)

export const stateOf = (facts: PoolFacts): PoolState => {
  const live = facts.replicas.filter((replica) => replica.phase !== "stopping")
  if (live.some(isReady)) return "ACTIVE"
  if (facts.failures >= facts.pool.spec.lifecycle.maxPodFailures) return "UNHEALTHY"
  if (live.some((replica) => replica.loading)) return "LOADING_MODEL"
  return live.length > 0 || facts.decision.desired > 0 ? "WAKING_UP" : "SCALED_TO_ZERO"
}

export const verdict = (type: string, holds: boolean, reason: string, message: string): Verdict => ({
  type,
  status: holds ? "True" : "False",
  reason,
  message
})

const verdicts = (facts: PoolFacts, state: PoolState): ReadonlyArray<Verdict> => {
  const { decision, depth, failures, pool } = facts
  const live = facts.replicas.filter((replica) => replica.phase !== "stopping").length
  const hasFailed = failures >= pool.spec.lifecycle.maxPodFailures
  const crashed = `${failures} replicas in a row ended by themselves${facts.lastFailure === undefined ? "" : `; the last: ${facts.lastFailure}`}`
  return [
    verdict("Ready", state === "ACTIVE" || state === "SCALED_TO_ZERO", state, `the pool is ${state}`),
    verdict("Progressing", live !== decision.desired || facts.replicas.some((replica) => replica.phase === "starting"), decision.reason,
      `${live} of ${decision.desired} replicas are there`),
    verdict("Degraded", failures > 0, hasFailed ? "TooManyFailures" : failures > 0 ? "ReplicaFailed" : "AsExpected",
      failures > 0 ? crashed : "no replica failed lately"),
    depth._tag === "Readable"
      ? verdict("QueueReachable", true, "Readable", "the depth of the queue is known")
      : verdict("QueueReachable", false, "Unreadable", `${depth.reason}; the number of replicas is held`),
    verdict("Paused", pool.spec.paused !== "", pool.spec.paused === "" ? "NotPaused" : pool.spec.paused,
      pool.spec.paused === "" ? "scaling is not paused" : `spec.paused is "${pool.spec.paused}"`)
  ]
}

/**
 * `before` keeps the time of each condition that has not changed; `now` is RFC 3339. `more`: what the kind of fleet has
 * to say beyond this; it replaces verdicts of the same type.
 */
export const statusOf = (
  facts: PoolFacts,
  before: GpuPoolStatus | undefined,
  now: string,
  more: ReadonlyArray<Verdict> = []
): GpuPoolStatus => {
  const state = stateOf(facts)
  const live = facts.replicas.filter((replica) => replica.phase !== "stopping")
  const generation = facts.pool.metadata.generation
  const replaced = new Set(more.map((one) => one.type))
  const said = [...verdicts(facts, state).filter((one) => !replaced.has(one.type)), ...more]
  const conditions = said.map((one): Condition => {
    const same = before?.conditions.find((condition) => condition.type === one.type && condition.status === one.status)
    return {
      ...one,
      lastTransitionTime: same?.lastTransitionTime ?? now,
      ...(generation === undefined ? {} : { observedGeneration: generation })
    }
  })
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    state,
    replicas: live.length,
    desiredReplicas: facts.decision.desired,
    readyReplicas: live.filter(isReady).length,
    busyReplicas: live.filter((replica) => replica.busy).length,
    queue: {
      depth: facts.depth._tag === "Readable" ? facts.depth.depth : before?.queue.depth ?? 0,
      readable: facts.depth._tag === "Readable"
    },
    lanesReadyFor: [...facts.lanesReadyFor],
    models: poolModels(live, before?.models),
    ...(facts.lastColdStartMs === undefined ? {} : { lastColdStartMs: facts.lastColdStartMs }),
    conditions
  }
}

/** Whether gateways must hear of it before the next regular announcement. */
export const differs = (a: GpuPoolStatus | undefined, b: GpuPoolStatus): boolean => JSON.stringify(a) !== JSON.stringify(b)
