import { Clock, Effect, Layer, PubSub, Stream } from "effect"
import type { Heartbeat } from "../../src/contract/AgentMessages.ts"
import { drainLeaseMs } from "../../src/contract/limits.ts"
import { LogUnavailable } from "../../src/platform/nats/errors.ts"
import { Lanes } from "../../src/platform/nats/Lanes.ts"
import { Presence } from "../../src/platform/nats/Presence.ts"
import { Signals } from "../../src/platform/nats/Signals.ts"

/** The broker and the agents of one pool, as far as an operator can tell them from real ones. Nothing here waits. */

export interface SimulatedAgent {
  readonly pod: string
  readonly readyAt: number
  /** When its job ends. */
  busyUntil: number | undefined
  drainUntil: number
  /** Its node is cut off: nobody hears it, and it hears nobody. */
  silent: boolean
}

export interface World {
  now: number
  brokerAway: boolean
  /** The broker is there, and its figures cannot be relied on. */
  depthHidden: boolean
  queued: number
  /** Jobs whose agent is gone: back in the queue when the silence is noticed. */
  lost: Array<{ readonly backAt: number }>
  done: number
  lanes: boolean
  /** Who waits for wake-ups. */
  listeners: number
  /** How long an answer of the broker or of an agent takes now. */
  latencyMs: () => number
  /** How long the job takes that an agent took just before it was asked to drain; 0 = it took none. */
  lastMomentMs: () => number
  readonly agents: Map<string, SimulatedAgent>
  /** What was last heard of each, and when: never the present. */
  readonly heard: Map<string, { readonly heartbeat: Heartbeat; readonly at: number }>
  readonly wakes: PubSub.PubSub<void>
}

export const makeWorld = Effect.gen(function*() {
  const wakes = yield* PubSub.sliding<void>(16)
  const world: World = {
    now: yield* Clock.currentTimeMillis,
    brokerAway: false,
    depthHidden: false,
    queued: 0,
    lost: [],
    done: 0,
    lanes: false,
    listeners: 0,
    latencyMs: () => 0,
    lastMomentMs: () => 0,
    agents: new Map(),
    heard: new Map(),
    wakes
  }
  return world
})

export const isBusy = (agent: SimulatedAgent): boolean => agent.busyUntil !== undefined

/** Jobs that wait or run, as the lanes count them. */
export const depthOf = (world: World): number =>
  world.queued + world.lost.length + [...world.agents.values()].filter(isBusy).length

const silenceMs = 4_000

const away = (operation: string) => Effect.fail(new LogUnavailable({ operation, cause: "the broker is away" }))

const heartbeatOf = (world: World, pool: string, agent: SimulatedAgent): Heartbeat => ({
  agent: agent.pod,
  pool,
  version: "1",
  at: new Date(world.now).toISOString(),
  interval_ms: 2_000,
  state: world.now < agent.readyAt ? "STARTING" : isBusy(agent) ? "BUSY" : "READY",
  draining: world.now < agent.drainUntil,
  slots: 1,
  claims: isBusy(agent) ? [{ job_id: "j", attempt: 1, started_sequence: 1 }] : [],
  models_loaded: [],
  execution_provider: "cpu"
})

/** The services of src/platform/nats over that world. */
export const brokerOf = (world: World) => {
  const whenThere = <A>(operation: string, answer: () => A) =>
    Effect.suspend(() => (world.brokerAway ? away(operation) : Effect.sync(answer)))
  const later = <A, E>(answer: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      const ms = world.latencyMs()
      return ms === 0 ? answer : Effect.andThen(Effect.sleep(ms), answer)
    })
  const readDepth = Effect.sync(() => {
    if (world.brokerAway) return { _tag: "Unreadable", reason: "the broker is away" } as const
    if (world.depthHidden) return { _tag: "Unreadable", reason: "the queue lags behind the log" } as const
    if (!world.lanes) return { _tag: "Unreadable", reason: "the pool has no lanes" } as const
    const depth = depthOf(world)
    return { _tag: "Readable", depth, pending: world.queued, running: depth - world.queued } as const
  })
  const lanes = Layer.mock(Lanes)({
    ensure: () => whenThere("ensure lanes", () => void (world.lanes = true)),
    removeDropped: () => whenThere("remove lanes of models given up", () => true),
    remove: () => whenThere("remove lanes", () => void (world.lanes = false)),
    existing: whenThere("list lanes", (): ReadonlyMap<string, ReadonlyArray<string>> => new Map(world.lanes ? [["pool", ["noop"]]] : [])),
    // As it was when it was read: what happens until the answer is here is not in it.
    depth: () => Effect.flatMap(readDepth, (depth) => later(Effect.succeed(depth))),
    wakes: () =>
      Stream.unwrap(Effect.as(
        Effect.acquireRelease(Effect.sync(() => void (world.listeners += 1)), () => Effect.sync(() => void (world.listeners -= 1))),
        Stream.map(Stream.fromPubSub(world.wakes), () => ({ model: "noop", lane: "p1s0" }))
      ))
  })
  const presence = Layer.mock(Presence)({
    alive: (pool) =>
      Effect.sync(() =>
        [...world.heard.values()].flatMap(({ at, heartbeat }) => (world.now - at < silenceMs ? [{ ...heartbeat, pool: pool ?? "" }] : [])))
  })
  const signals = Layer.mock(Signals)({
    drain: ({ agent: name }) =>
      later(Effect.suspend(() => {
        const agent = world.agents.get(name)
        if (world.brokerAway || agent === undefined || agent.silent) return away(`ask ${name} to drain`)
        const jobMs = isBusy(agent) || world.now < agent.drainUntil || world.now < agent.readyAt ? 0 : world.lastMomentMs()
        if (jobMs > 0) agent.busyUntil = world.now + jobMs
        agent.drainUntil = world.now + drainLeaseMs
        return Effect.succeed({ agent: name, drained: !isBusy(agent), claims: isBusy(agent) ? 1 : 0 })
      })),
    resume: ({ agent: name }) =>
      Effect.sync(() => {
        const agent = world.agents.get(name)
        if (!world.brokerAway && agent !== undefined && !agent.silent) agent.drainUntil = 0
      })
  })
  return Layer.mergeAll(lanes, presence, signals)
}

/** Heartbeats come every interval, and at most once: a change of a claim may be heard of late. */
export const beat = (world: World, isLost: () => boolean): void => {
  if (world.brokerAway) return
  for (const agent of world.agents.values()) {
    const last = world.heard.get(agent.pod)
    const heartbeat = heartbeatOf(world, "", agent)
    const isDue = last === undefined || world.now - last.at >= heartbeat.interval_ms || last.heartbeat.state !== heartbeat.state
    if (agent.silent || !isDue || isLost()) continue
    world.heard.set(agent.pod, { heartbeat, at: world.now })
  }
}

/** Agents take jobs, finish them and give up those of the dead, up to `world.now`. */
export const work = (world: World, jobMs: () => number): void => {
  world.queued += world.lost.filter(({ backAt }) => backAt <= world.now).length
  world.lost = world.lost.filter(({ backAt }) => backAt > world.now)
  for (const agent of world.agents.values()) {
    if (agent.silent || world.brokerAway) continue
    if (agent.busyUntil !== undefined && agent.busyUntil <= world.now) {
      agent.busyUntil = undefined
      world.done += 1
    }
    if (agent.busyUntil === undefined && world.queued > 0 && world.now >= agent.readyAt && world.now >= agent.drainUntil) {
      world.queued -= 1
      agent.busyUntil = world.now + jobMs()
    }
  }
}

/** `gaveBack`: it had the time to say so; otherwise others notice its silence first. */
export const endAgent = (world: World, pod: string, gaveBack: boolean): void => {
  const agent = world.agents.get(pod)
  world.agents.delete(pod)
  if (agent === undefined || !isBusy(agent)) return
  if (gaveBack && !agent.silent) world.queued += 1
  else world.lost.push({ backAt: world.now + 4_000 })
}
