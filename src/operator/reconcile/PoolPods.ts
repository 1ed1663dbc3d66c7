import { Clock, Context, Effect, Result, Tracer } from "effect"
import { isRetryable, type KubeError } from "../../platform/kubernetes/errors.ts"
import type { EventRecorder } from "../../platform/kubernetes/EventRecorder.ts"
import type { StoredGpuPool } from "../../platform/kubernetes/resources.ts"
import type { Lanes } from "../../platform/nats/Lanes.ts"
import type { Presence } from "../../platform/nats/Presence.ts"
import type { Signals } from "../../platform/nats/Signals.ts"
import { capacityOf } from "../fleet/capacity.ts"
import { Cluster } from "../fleet/Cluster.ts"
import { AgentPods } from "../fleet/pods.ts"
import { startingCount } from "../fleet/observe.ts"
import { afterCrash, allowed, noFailures, trialIntervalMs } from "../fleet/restarts.ts"
import { OperatorMetrics } from "../health/OperatorMetrics.ts"
import { decide, type Decision, initialMemory } from "../scaling/decide.ts"
import { askToDrain, callBack } from "./askToDrain.ts"
import { measurePool } from "./measurePool.ts"
import { failuresOf, planPods, type PodPlan, slowStart } from "./podPlan.ts"
import { type PodSettings, revisionOf } from "./podSpec.ts"
import { hasFinalizer, PoolObjects } from "./PoolObjects.ts"
import { idleSinceOf } from "./podStatus.ts"
import { ensureLanes, tidyLanes } from "./poolLanes.ts"
import { makePoolState, type Measured, type PoolState } from "./poolState.ts"
import { retirePool } from "./retirePool.ts"
import { tellStatus } from "./tellStatus.ts"

/** How soon to look again: while there are pods or work, while nothing happens, and while the depth is unknown. */
const activeIntervalMs = 1_500
const idleIntervalMs = 8_000
const blindIntervalMs = 2_000
const retireIntervalMs = 1_000
/** Deletions and drain requests at once. */
const writesAtOnce = 16
/** Creations of one batch at once. */
const createsAtOnce = 32

/** What every look at a pool needs. */
export type PoolServices = AgentPods | Cluster | EventRecorder | Lanes | OperatorMetrics | PoolObjects | Presence | Signals

/** Keeps one pool of pods as its spec says: measure, decide, act, tell. Called by one fiber at a time. */
export interface PoolPods {
  /** Gives the time to the next look, in milliseconds; nothing when the pool needs none. */
  readonly reconcile: (pool: StoredGpuPool) => Effect.Effect<number | undefined, KubeError>
}

const decidePool = (state: PoolState, pool: StoredGpuPool, measured: Measured): Decision => {
  const replicas = capacityOf({ ...measured, started: state.started, listeningSince: state.listening.since })
  const memory = state.memory ?? initialMemory(pool.spec, replicas, measured.now, idleSinceOf(state.status))
  const decision = decide(pool.spec, { depth: measured.depth, replicas }, memory, measured.now)
  state.memory = decision.memory
  const from = state.status?.desiredReplicas ?? 0
  if (decision.desired !== from) {
    state.lastScale = { at: new Date(measured.now).toISOString(), from, to: decision.desired, reason: decision.reason }
  }
  return decision
}

/** What was refused is not wanted any more, so nobody need put it right, and the next pod need not wait for it. */
const forgetRefusal = (state: PoolState, decision: Decision, { depth, unseenWrites }: Measured): void => {
  if (state.refused === undefined || decision.create > 0 || depth._tag === "Unreadable" || unseenWrites > 0) return
  if (state.restarts.lastFailure === state.refused) state.restarts = noFailures
  state.refused = undefined
}

/** Each pod's end counts once, however often it is seen. */
const countFailures = (state: PoolState, pool: StoredGpuPool, measured: Measured): void => {
  for (const { pod, why } of failuresOf(measured)) {
    if (state.counted.has(pod.uid)) continue
    state.counted = new Set([...state.counted, pod.uid])
    const readyAt = measured.sightings.find((one) => one.id === pod.name)?.readyAt
    const readyForMs = readyAt === undefined ? 0 : measured.now - readyAt
    const crash = { why: `${pod.name}: ${why}`, readyForMs, maxFailures: pool.spec.lifecycle.maxPodFailures }
    state.restarts = afterCrash(state.restarts, crash, measured.now)
  }
}

const planPool = (
  state: PoolState,
  { cluster, pool, settings }: { readonly cluster: Cluster["Service"]; readonly pool: StoredGpuPool; readonly settings: PodSettings },
  decision: Decision,
  measured: Measured
): PodPlan => {
  const { broken, depth, now, pods, settled, sightings, unseenWrites } = measured
  const revision = revisionOf(pool, settings)
  // Whoever changed the spec may have repaired it.
  if (state.revision !== revision) state.restarts = noFailures
  state.revision = revision
  countFailures(state, pool, measured)
  const { maxPodFailures } = pool.spec.lifecycle
  return planPods({
    pool: pool.metadata.name,
    spec: pool.spec,
    revision,
    pods,
    sightings,
    broken,
    decision,
    allowed: allowed(state.restarts, { count: decision.create, starting: startingCount(sightings), maxFailures: maxPodFailures }, now),
    failing: state.restarts.failures > 0 && now - state.restarts.lastFailureAt < trialIntervalMs,
    before: (slot) => cluster.lastIn(pool.metadata.uid, slot, pool.status?.lastScale?.at ?? ""),
    unseenWrites,
    settled,
    isBlind: depth._tag === "Unreadable" && pool.spec.scaling.mode === "Queue",
    busySince: state.busySince,
    now
  })
}

/** The API server's "no" to a pod (quota, admission, a template that is none) is told and tried again with patience. */
const createPods = Effect.fnUntraced(function*(state: PoolState, pool: StoredGpuPool, create: PodPlan["create"]) {
  const agents = yield* AgentPods
  const metrics = yield* OperatorMetrics
  const { name } = pool.metadata
  for (const batch of slowStart(create)) {
    const results = yield* Effect.forEach(
      batch,
      (place) => Effect.result(agents.create(pool, { ...place, revision: state.revision })),
      { concurrency: createsAtOnce }
    )
    const now = yield* Clock.currentTimeMillis
    const failures = results.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
    for (let created = failures.length; created < batch.length; created++) metrics.created(name, now)
    const final = failures.find((error) => !isRetryable(error))
    if (final !== undefined) {
      state.refused = final.message
      state.restarts = afterCrash(state.restarts, { why: final.message, readyForMs: 0, maxFailures: pool.spec.lifecycle.maxPodFailures }, now)
      return
    }
    if (failures[0] !== undefined) return yield* failures[0]
  }
  if (create.length > 0) state.refused = undefined
})

const removePods = Effect.fnUntraced(function*(pool: StoredGpuPool, removals: PodPlan["remove"]) {
  const agents = yield* AgentPods
  const metrics = yield* OperatorMetrics
  const { name } = pool.metadata
  yield* Effect.forEach(removals, Effect.fnUntraced(function*({ failed, graceS, pod, why }) {
    if (!(yield* agents.remove(pool, pod, graceS === undefined ? {} : { graceS }))) return
    metrics.removed(name, failed ? "failed" : "idle")
    yield* (failed ? Effect.logWarning : Effect.logInfo)(`pod ${pod.name} is removed: ${why}`)
  }), { concurrency: writesAtOnce, discard: true })
})

/** New pods first: a job waits for them, and nobody for the others. */
const act = Effect.fn("PoolPods.act")(function*(state: PoolState, pool: StoredGpuPool, plan: PodPlan, { pods, unseenWrites }: Measured) {
  const agents = yield* AgentPods
  yield* createPods(state, pool, plan.create)
  yield* removePods(pool, plan.remove)
  // A plan that is held back by unseen writes says nothing about who should drain: whoever was asked still is.
  if (unseenWrites === 0) {
    yield* callBack(state, pool, plan, pods)
    state.asked = new Set(plan.ask.map(({ pod }) => pod.name))
  }
  yield* askToDrain(state, pool, plan.ask)
  yield* Effect.forEach(plan.label, ({ busy, pod }) => agents.markBusy(pod, busy), { concurrency: writesAtOnce, discard: true })
})

const nextLookMs = (state: PoolState, decision: Decision, { depth, now, pods }: Measured): number => {
  if (depth._tag === "Unreadable") return blindIntervalMs
  const isIdle = pods.length === 0 && decision.desired === 0 && depth.depth === 0
  const patience = state.restarts.notBefore > now ? state.restarts.notBefore - now : Number.POSITIVE_INFINITY
  return Math.min(patience, isIdle ? idleIntervalMs : activeIntervalMs)
}

/** `first`: the pool as it was when this operator saw it for the first time. */
export const makePoolPods = Effect.fnUntraced(function*(first: StoredGpuPool, settings: PodSettings) {
  // Without the span of the look that makes this: each look has its own.
  const services = Context.omit(Tracer.ParentSpan)(yield* Effect.context<PoolServices>())
  const cluster = yield* Cluster
  const objects = yield* PoolObjects
  const state = makePoolState(first)

  const keep = Effect.fnUntraced(function*(pool: StoredGpuPool) {
    if (!hasFinalizer(pool)) yield* objects.addFinalizer(pool)
    yield* ensureLanes(state, pool)
    const measured = yield* measurePool(state, pool)
    const scaledAt = state.lastScale?.at
    const decision = decidePool(state, pool, measured)
    if (state.lastScale !== undefined && state.lastScale.at !== scaledAt) {
      const { from, reason, to } = state.lastScale
      yield* Effect.logInfo(`pool ${pool.metadata.name}: from ${from} to ${to} replicas (${reason})`)
    }
    forgetRefusal(state, decision, measured)
    const plan = planPool(state, { cluster, pool, settings }, decision, measured)
    const acted = yield* Effect.result(act(state, pool, plan, measured))
    yield* tidyLanes(state, pool, measured.pods.some(({ revision }) => revision !== state.revision))
    yield* tellStatus(state, pool, {
      measured,
      decision,
      acted: Result.isSuccess(acted) && measured.unseenWrites === 0,
      deleting: undefined
    })
    if (Result.isFailure(acted)) return yield* acted.failure
    return nextLookMs(state, decision, measured)
  })

  const reconcile = Effect.fn("PoolPods.reconcile")(function*(pool: StoredGpuPool) {
    // What is remembered has times in it that are yet to come when the clock was set back: it would last until then.
    if ((yield* Clock.currentTimeMillis) < state.listening.lookedAt) Object.assign(state, makePoolState(pool))
    if (pool.metadata.deletionTimestamp === undefined) return yield* keep(pool)
    if (!hasFinalizer(pool)) return undefined
    return (yield* retirePool(state, pool)) ? undefined : retireIntervalMs
  }, Effect.provide(services))

  return { reconcile } satisfies PoolPods as PoolPods
})
