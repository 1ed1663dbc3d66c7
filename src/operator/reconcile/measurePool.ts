import { Clock, Effect } from "effect"
import type { Heartbeat } from "../../contract/AgentMessages.ts"
import { durationMs } from "../../contract/GpuPool.ts"
import { heartbeatIntervalMs } from "../../contract/limits.ts"
import type { StoredGpuPool } from "../../platform/kubernetes/resources.ts"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { OperatorMetrics } from "../health/OperatorMetrics.ts"
import { listeningSince, readyTimes, type Sighting } from "../fleet/observe.ts"
import { followStarts, sightPods } from "../fleet/podSightings.ts"
import { AgentPods } from "../fleet/pods.ts"
import type { PodView } from "../fleet/podView.ts"
import { afterStable } from "../fleet/restarts.ts"
import { coldStartOf, freshlyReady } from "./coldStart.ts"
import { followBusy } from "./podPlan.ts"
import { noteLanes } from "./poolLanes.ts"
import { drainTimeoutMs, type Measured, type PoolState } from "./poolState.ts"

/** Every living agent has been heard by then. */
const settleMs = 3 * heartbeatIntervalMs

interface Seen {
  readonly pods: ReadonlyArray<PodView>
  readonly sightings: ReadonlyArray<Sighting>
  readonly heartbeats: ReadonlyArray<Heartbeat>
}

const noteColdStarts = Effect.fnUntraced(function*(state: PoolState, pool: string, { heartbeats, pods, sightings }: Seen) {
  const metrics = yield* OperatorMetrics
  const since = state.since ?? Number.POSITIVE_INFINITY
  for (const { pod, readyAt } of freshlyReady({ before: state.sightings, since, pods, sightings })) {
    state.coldStart = coldStartOf(pod, readyAt, heartbeats.find(({ agent }) => agent === pod.name)?.load_ms)
    metrics.coldStart(pool, state.coldStart)
  }
})

/** Depth, pods and heartbeats, put together; remembers what the next look compares with. */
export const measurePool = Effect.fn("measurePool")(function*(state: PoolState, pool: StoredGpuPool) {
  const agents = yield* AgentPods
  const { name } = pool.metadata
  const depth = yield* (yield* Lanes).depth(name)
  noteLanes(state, depth)
  const heartbeats = yield* (yield* Presence).alive(name)
  const pods = yield* agents.list(pool)
  const unseenWrites = yield* agents.unseenWrites(pool)
  const now = yield* Clock.currentTimeMillis
  // Kubernetes tells whole seconds.
  state.since ??= now - 1_000
  state.listening = { since: listeningSince(state.listening, depth._tag === "Readable", now), lookedAt: now }
  state.started = followStarts(state.started, pods, now)
  const { broken, replicas: sightings } = sightPods(pods, heartbeats, state.sightings, {
    startupTimeoutMs: durationMs(pool.spec.lifecycle.startupTimeout),
    drainTimeoutMs: drainTimeoutMs(pool),
    listeningSince: state.listening.since,
    asked: state.asked,
    started: state.started,
    now
  })
  yield* noteColdStarts(state, name, { pods, sightings, heartbeats })
  state.sightings = sightings
  state.busySince = followBusy(state.busySince, sightings, now)
  state.restarts = afterStable(state.restarts, readyTimes(sightings), now)
  const present = new Set(pods.map((pod) => pod.uid))
  state.counted = new Set([...state.counted].filter((uid) => present.has(uid)))
  const settled = state.listening.since !== undefined && now - state.listening.since >= settleMs
  return { depth, pods, sightings, broken, unseenWrites, settled, now } satisfies Measured as Measured
})
