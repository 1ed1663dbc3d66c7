import { Clock, Effect, FiberSet, Result } from "effect"
import { durationMs, type GpuPool, type GpuPoolStatus } from "../../contract/GpuPool.ts"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { Signals } from "../../platform/nats/Signals.ts"
import { observe, type Sighting } from "../fleet/observe.ts"
import { type AgentExit, AgentProcesses, revisionOf } from "../fleet/processes.ts"
import { afterCrash, afterStable, allowed, noFailures, type Restarts } from "../fleet/restarts.ts"
import { decide, type Decision, initialMemory, type Memory, type ObservedDepth } from "../scaling/decide.ts"
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

interface State {
  memory: Memory | undefined
  sightings: ReadonlyArray<Sighting>
  restarts: Restarts
  status: GpuPoolStatus | undefined
  announcedAt: number
  lanesReadyFor: ReadonlyArray<string>
  lastColdStartMs: number | undefined
  lastReason: string
}

export const makePoolControl = Effect.fnUntraced(function*(name: string, warmStart: boolean) {
  const lanes = yield* Lanes
  const presence = yield* Presence
  const signals = yield* Signals
  const processes = yield* AgentProcesses
  const asking = yield* FiberSet.make()
  const state: State = {
    memory: undefined,
    sightings: [],
    restarts: noFailures,
    status: undefined,
    announcedAt: 0,
    lanesReadyFor: [],
    lastColdStartMs: undefined,
    lastReason: ""
  }

  const ensureLanes = Effect.fnUntraced(function*(models: ReadonlyArray<string>) {
    if (models.join() === state.lanesReadyFor.join()) return
    const ensured = yield* Effect.result(lanes.ensure(name, models))
    if (Result.isSuccess(ensured)) state.lanesReadyFor = models
    else yield* Effect.logWarning(`pool ${name}: its lanes could not be created yet: ${ensured.failure.message}`)
  })

  const measure = Effect.fnUntraced(function*(pool: GpuPool, now: number) {
    const depth: ObservedDepth = yield* lanes.depth(name)
    const { broken, replicas } = observe(
      yield* processes.list(name),
      yield* presence.alive(name),
      state.sightings,
      { startupTimeoutMs: durationMs(pool.spec.lifecycle.startupTimeout), hungAfterMs },
      depth._tag === "Readable",
      now
    )
    for (const { id, why } of broken) yield* processes.kill(id, why)
    for (const one of replicas) {
      const before = state.sightings.find((seen) => seen.id === one.id)
      if (one.readyAt !== undefined && before?.readyAt === undefined) {
        const { startedAt = one.readyAt } = (yield* processes.list(name)).find((process) => process.id === one.id) ?? {}
        state.lastColdStartMs = one.readyAt - startedAt
      }
    }
    state.sightings = replicas
    const longestReadyMs = Math.max(0, ...replicas.map((one) => (one.readyAt === undefined ? 0 : now - one.readyAt)))
    state.restarts = afterStable(state.restarts, longestReadyMs)
    return depth
  })

  /** Asks for its drain; a confirmed one is stopped. One that got a job in the meantime answers so and stays. */
  const retireAgent = (id: string, pool: GpuPool) =>
    Effect.gen(function*() {
      const stop = processes.stop(id, durationMs(pool.spec.lifecycle.drainTimeout))
      const seen = state.sightings.find((one) => one.id === id)
      // Not ready yet: it has claimed nothing, and its own two-step stop gives back what it may just be claiming.
      if (seen === undefined || seen.phase === "starting") return yield* stop
      yield* processes.mark(id, "draining")
      const reply = yield* Effect.result(signals.drain(id, "local-fleet"))
      if (Result.isSuccess(reply) && reply.success.drained) yield* stop
    })

  /** One line a change of mind, not one a round. */
  const tell = Effect.fnUntraced(function*(decision: Decision, depth: ObservedDepth, running: number) {
    if (decision.reason === state.lastReason) return
    state.lastReason = decision.reason
    if (depth._tag === "Unreadable") {
      yield* Effect.logWarning(`pool ${name}: nobody knows how many jobs wait (${depth.reason}); its ${running} agents are held (${decision.reason})`)
    } else if (decision.create > 0 || decision.remove.length > 0) {
      yield* Effect.logInfo(`pool ${name}: ${running} → ${decision.desired} agents (${decision.reason})`)
    }
  })

  const act = Effect.fnUntraced(function*(pool: GpuPool, decision: Decision, now: number) {
    const running = yield* processes.list(name)
    const outdated = running.filter((process) =>
      process.revision !== revisionOf(pool) &&
      state.sightings.some((seen) => seen.id === process.id && !seen.busy && seen.phase !== "stopping")
    ).map((process) => process.id)
    const leaving = new Set(pool.spec.paused === "" ? [...decision.remove, ...outdated] : decision.remove)
    for (const process of running) {
      if (leaving.has(process.id)) yield* FiberSet.run(asking, retireAgent(process.id, pool))
      else if (process.wanted === "draining") yield* processes.mark(process.id, "running")
    }
    const create = allowed(state.restarts, decision.create, pool.spec.lifecycle.maxPodFailures, now)
    for (let started = 0; started < create; started++) yield* processes.start(pool)
  })

  const announce = Effect.fnUntraced(function*(pool: GpuPool, depth: ObservedDepth, decision: Decision, now: number) {
    const { lanesReadyFor, lastColdStartMs, restarts, sightings: replicas } = state
    const status = statusOf(
      { pool, depth, replicas, decision, lanesReadyFor, failures: restarts.failures, lastFailure: restarts.lastFailure, lastColdStartMs },
      state.status,
      new Date(now).toISOString()
    )
    if (!differs(state.status, status) && now - state.announcedAt < announceIntervalMs) return
    state.status = status
    state.announcedAt = now
    yield* presence.announcePool({ pool: name, at: new Date(now).toISOString(), status })
  })

  const reconcile = Effect.fn("PoolControl.reconcile")(function*(pool: GpuPool) {
    yield* ensureLanes(pool.spec.models)
    const now = yield* Clock.currentTimeMillis
    const depth = yield* measure(pool, now)
    const isFirst = state.memory === undefined
    const memory = state.memory ?? initialMemory(pool.spec, state.sightings, now)
    const decision = decide(pool.spec, { depth, replicas: state.sightings }, memory, now)
    // A warm start is one replica that nobody asked for yet; the cooldown takes it away again.
    const isWarm = isFirst && warmStart && decision.create === 0 && decision.desired === 0 && pool.spec.maxReplicas > 0
    state.memory = isWarm ? { ...decision.memory, demands: [{ at: now, replicas: 1 }, ...decision.memory.demands] } : decision.memory
    yield* tell(decision, depth, state.sightings.length)
    yield* act(pool, isWarm ? { ...decision, create: 1, desired: 1 } : decision, now)
    yield* announce(pool, depth, decision, now)
  })

  const crashed = Effect.fnUntraced(function*(exit: AgentExit, pool: GpuPool) {
    if (exit.asked) return
    const now = yield* Clock.currentTimeMillis
    const seen = state.sightings.find((one) => one.id === exit.id)
    const readyForMs = seen?.readyAt === undefined ? 0 : now - seen.readyAt
    const maxFailures = pool.spec.lifecycle.maxPodFailures
    state.restarts = afterCrash(state.restarts, { why: exit.why, readyForMs, maxFailures }, now)
    if (state.restarts.failures === maxFailures) {
      yield* Effect.logError(
        `pool ${name}: ${maxFailures} agents in a row ended by themselves (${exit.why}); one try a minute from now on`
      )
    }
  })

  const retire = Effect.fn("PoolControl.retire")(function*(pool: GpuPool) {
    const running = yield* processes.list(name)
    const graceMs = durationMs(pool.spec.lifecycle.drainTimeout)
    // The two-step stop of an agent lets its running job end, so a busy one may be told as well.
    for (const process of running) yield* processes.stop(process.id, graceMs)
    if (running.length > 0) return false
    const depth = yield* lanes.depth(name)
    if (depth._tag === "Unreadable" || depth.depth > 0) return false
    const removed = yield* Effect.result(lanes.remove(name))
    return Result.isSuccess(removed)
  })

  return { reconcile, crashed, retire } satisfies PoolControl
})
