import { Clock, Effect } from "effect"
import { durationMs } from "../../contract/GpuPool.ts"
import { heartbeatIntervalMs } from "../../contract/limits.ts"
import type { StoredGpuPool } from "../../platform/kubernetes/resources.ts"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { OperatorMetrics } from "../health/OperatorMetrics.ts"
import { listeningSince, type Sighting } from "../fleet/observe.ts"
import { sightPods } from "../fleet/podSightings.ts"
import { AgentPods } from "../fleet/pods.ts"
import type { PodView } from "../fleet/podView.ts"
import { afterStable } from "../fleet/restarts.ts"
import { followBusy } from "./podPlan.ts"
import { drainTimeoutMs, type Measured, type PoolState } from "./poolState.ts"
import { coldStartOf } from "./podStatus.ts"

/** Every living agent has been heard by then. */
const settleMs = 3 * heartbeatIntervalMs

const freshlyReady = (before: ReadonlyArray<Sighting>, now: ReadonlyArray<Sighting>): Sighting | undefined =>
  now.find((one) => {
    const seen = before.find((sighting) => sighting.id === one.id)
    return one.readyAt !== undefined && seen !== undefined && seen.readyAt === undefined
  })

const noteColdStart = Effect.fnUntraced(function*(state: PoolState, pool: string, pods: ReadonlyArray<PodView>, sightings: ReadonlyArray<Sighting>) {
  const fresh = freshlyReady(state.sightings, sightings)
  const pod = pods.find((one) => one.name === fresh?.id)
  // A restart of the container within the pod is no cold start.
  if (fresh?.readyAt === undefined || pod === undefined || pod.restarts > 0) return
  state.coldStart = coldStartOf(pod, fresh.readyAt)
  ;(yield* OperatorMetrics).coldStart(pool, state.coldStart)
})

/** Depth, pods and heartbeats, put together; remembers what the next look compares with. */
export const measurePool = Effect.fn("measurePool")(function*(state: PoolState, pool: StoredGpuPool) {
  const agents = yield* AgentPods
  const { name } = pool.metadata
  const depth = yield* (yield* Lanes).depth(name)
  const heartbeats = yield* (yield* Presence).alive(name)
  const pods = yield* agents.list(pool)
  const unseenWrites = yield* agents.unseenWrites(pool)
  const now = yield* Clock.currentTimeMillis
  state.listening = { since: listeningSince(state.listening, depth._tag === "Readable", now), lookedAt: now }
  const { broken, replicas: sightings } = sightPods(pods, heartbeats, state.sightings, {
    startupTimeoutMs: durationMs(pool.spec.lifecycle.startupTimeout),
    drainTimeoutMs: drainTimeoutMs(pool),
    listeningSince: state.listening.since,
    asked: state.asked,
    now
  })
  yield* noteColdStart(state, name, pods, sightings)
  state.sightings = sightings
  state.busySince = followBusy(state.busySince, sightings, now)
  state.restarts = afterStable(state.restarts, Math.max(0, ...sightings.map((one) => (one.readyAt === undefined ? 0 : now - one.readyAt))))
  const present = new Set(pods.map((pod) => pod.uid))
  state.counted = new Set([...state.counted].filter((uid) => present.has(uid)))
  const settled = state.listening.since !== undefined && now - state.listening.since >= settleMs
  return { depth, pods, sightings, broken, unseenWrites, settled, now } satisfies Measured as Measured
})
