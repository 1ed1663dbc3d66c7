import { Clock, Effect, Result } from "effect"
import { durationMs, type GpuPool, type GpuPoolStatus } from "../../contract/GpuPool.ts"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { listeningSince, observe, readyTimes, type Sighting } from "../fleet/observe.ts"
import { type AgentExit, AgentProcesses, revisionOf } from "../fleet/processes.ts"
import { afterCrash, afterStable, noFailures, type Restarts } from "../fleet/restarts.ts"
import { decide, type Decision, initialMemory, type Memory, type ObservedDepth } from "../scaling/decide.ts"
import { makeActor } from "./act.ts"
import { ensureLanes, noLanes, noteLanes, type PoolLanes, tidyLanes } from "./poolLanes.ts"
import { differs, statusOf } from "./status.ts"

/** Silence after which a process that still runs counts as hung. */
const hungAfterMs = 20_000
/** Often, because a gateway that has just started routes nowhere before it has heard of a pool. */
const announceIntervalMs = 900

/** Keeps one pool of this machine as its spec says: measure, decide, act, tell. Called by one fiber at a time. */
export interface PoolControl {
  readonly reconcile: (pool: GpuPool) => Effect.Effect<void>
  readonly crashed: (exit: AgentExit, pool: GpuPool) => Effect.Effect<void>
  /** The pool left the file: nothing new, agents finish and go, then the lanes go. True when nothing is left of it. */
  readonly retire: (pool: GpuPool) => Effect.Effect<boolean>
}

interface State extends PoolLanes {
  memory: Memory | undefined
  listening: { readonly since: number | undefined; readonly lookedAt: number }
  sightings: ReadonlyArray<Sighting>
  restarts: Restarts
  status: GpuPoolStatus | undefined
  announcedAt: number
  lastColdStartMs: number | undefined
}

const makeState = (): State => ({
  ...noLanes(),
  memory: undefined,
  listening: { since: undefined, lookedAt: 0 },
  sightings: [],
  restarts: noFailures,
  status: undefined,
  announcedAt: 0,
  lastColdStartMs: undefined
})

/** Time from the start of a process to the first moment it could take a job. */
const coldStartMs = (before: ReadonlyArray<Sighting>, now: ReadonlyArray<Sighting>): number | undefined => {
  const fresh = now.find((one) => one.readyAt !== undefined && before.find((seen) => seen.id === one.id)?.readyAt === undefined)
  return fresh?.readyAt === undefined ? undefined : fresh.readyAt - fresh.startedAt
}

const measure = Effect.fnUntraced(function*(state: State, pool: GpuPool, now: number) {
  const lanes = yield* Lanes
  const presence = yield* Presence
  const processes = yield* AgentProcesses
  const { name } = pool.metadata
  const depth = yield* lanes.depth(name)
  noteLanes(state, depth)
  state.listening = { since: listeningSince(state.listening, depth._tag === "Readable", now), lookedAt: now }
  const { broken, replicas } = observe(yield* processes.list(name), yield* presence.alive(name), state.sightings, {
    startupTimeoutMs: durationMs(pool.spec.lifecycle.startupTimeout),
    hungAfterMs,
    listeningSince: state.listening.since,
    now
  })
  for (const { id, why } of broken) yield* processes.kill(id, why)
  state.lastColdStartMs = coldStartMs(state.sightings, replicas) ?? state.lastColdStartMs
  state.sightings = replicas
  state.restarts = afterStable(state.restarts, readyTimes(replicas), now)
  return depth
})

/** A warm start is one replica that nobody asked for yet; the cooldown takes it away again. */
const warm = (decision: Decision, pool: GpuPool, now: number): Decision => {
  if (decision.create > 0 || decision.desired > 0 || pool.spec.maxReplicas === 0 || pool.spec.paused !== "") return decision
  const demands = [{ at: now, replicas: 1 }, ...decision.memory.demands]
  return { ...decision, create: 1, desired: 1, memory: { ...decision.memory, demands } }
}

const announce = Effect.fnUntraced(function*(
  state: State,
  pool: GpuPool,
  seen: { readonly depth: ObservedDepth; readonly decision: Decision },
  now: number
) {
  const presence = yield* Presence
  const { lanesReadyFor, lastColdStartMs, restarts: { failures, lastFailure }, sightings: replicas } = state
  const at = new Date(now).toISOString()
  const status = statusOf({ pool, ...seen, replicas, lanesReadyFor, failures, lastFailure, lastColdStartMs }, state.status, at)
  if (!differs(state.status, status) && now - state.announcedAt < announceIntervalMs) return
  state.status = status
  state.announcedAt = now
  yield* presence.announcePool({ pool: pool.metadata.name, at, status })
})

const recordCrash = Effect.fnUntraced(function*(state: State, exit: AgentExit, pool: GpuPool) {
  if (exit.asked) return
  const now = yield* Clock.currentTimeMillis
  const readyAt = state.sightings.find((one) => one.id === exit.id)?.readyAt
  const maxFailures = pool.spec.lifecycle.maxPodFailures
  const crash = { why: exit.why, readyForMs: readyAt === undefined ? 0 : now - readyAt, maxFailures }
  state.restarts = afterCrash(state.restarts, crash, now)
  if (state.restarts.failures !== maxFailures) return
  yield* Effect.logError(
    `pool ${exit.pool}: ${maxFailures} agents in a row ended by themselves (${exit.why}); one try a minute from now on`
  )
})

const retire = Effect.fn("PoolControl.retire")(function*(pool: GpuPool) {
  const lanes = yield* Lanes
  const processes = yield* AgentProcesses
  const { name } = pool.metadata
  const running = yield* processes.list(name)
  // The two-step stop of an agent lets its running job end, so a busy one may be told as well.
  for (const process of running) yield* processes.stop(process.id, durationMs(pool.spec.lifecycle.drainTimeout))
  if (running.length > 0) return false
  const depth = yield* lanes.depth(name)
  if (depth._tag === "Unreadable" || depth.depth > 0) return false
  return Result.isSuccess(yield* Effect.result(lanes.remove(name)))
})

export const makePoolControl = Effect.fnUntraced(function*(name: string, warmStart: boolean) {
  const services = yield* Effect.context<Lanes | Presence | AgentProcesses>()
  const actor = yield* makeActor(name)
  const state = makeState()

  const reconcile = Effect.fn("PoolControl.reconcile")(function*(pool: GpuPool) {
    yield* ensureLanes(state, pool)
    const now = yield* Clock.currentTimeMillis
    const depth = yield* measure(state, pool, now)
    const memory = state.memory ?? initialMemory(pool.spec, state.sightings, now)
    const decided = decide(pool.spec, { depth, replicas: state.sightings }, memory, now)
    const decision = state.memory === undefined && warmStart ? warm(decided, pool, now) : decided
    state.memory = decision.memory
    yield* actor.act(pool, { decision, depth, sightings: state.sightings, restarts: state.restarts }, now)
    yield* tidyLanes(state, pool, state.sightings.some(({ revision }) => revision !== revisionOf(pool)))
    yield* announce(state, pool, { depth, decision }, now)
  }, Effect.provide(services))

  return {
    reconcile,
    crashed: (exit, pool) => recordCrash(state, exit, pool),
    retire: (pool) => Effect.provide(retire(pool), services)
  } satisfies PoolControl as PoolControl
})
