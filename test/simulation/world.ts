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
  queued: number
  /** Jobs whose agent is gone: back in the queue when the silence is noticed. */
  lost: Array<{ readonly backAt: number }>
  done: number
  lanes: boolean
  readonly agents: Map<string, SimulatedAgent>
  readonly wakes: PubSub.PubSub<void>
}

export const makeWorld = Effect.gen(function*() {
  const wakes = yield* PubSub.sliding<void>(16)
  const world: World = {
    now: yield* Clock.currentTimeMillis,
    brokerAway: false,
    queued: 0,
    lost: [],
    done: 0,
    lanes: false,
    agents: new Map(),
    wakes
  }
  return world
})

export const isBusy = (agent: SimulatedAgent): boolean => agent.busyUntil !== undefined

export const unfinished = (world: World): number =>
  world.queued + world.lost.length + [...world.agents.values()].filter(isBusy).length

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
  const depth = Effect.sync(() => {
    if (world.brokerAway) return { _tag: "Unreadable", reason: "the broker is away" } as const
    if (!world.lanes) return { _tag: "Unreadable", reason: "the pool has no lanes" } as const
    const running = [...world.agents.values()].filter(isBusy).length + world.lost.length
    return { _tag: "Readable", depth: world.queued + running, pending: world.queued, running } as const
  })
  const lanes = Layer.mock(Lanes)({
    ensure: () => whenThere("ensure lanes", () => void (world.lanes = true)),
    remove: () => whenThere("remove lanes", () => void (world.lanes = false)),
    existing: whenThere("list lanes", (): ReadonlyMap<string, ReadonlyArray<string>> => new Map(world.lanes ? [["pool", ["noop"]]] : [])),
    depth: () => depth,
    wakes: () => Stream.map(Stream.fromPubSub(world.wakes), () => ({ model: "noop", lane: "p1s0" }))
  })
  const presence = Layer.mock(Presence)({
    alive: (pool) =>
      Effect.sync(() =>
        world.brokerAway ? [] : [...world.agents.values()].flatMap((agent) => (agent.silent ? [] : [heartbeatOf(world, pool ?? "", agent)])))
  })
  const signals = Layer.mock(Signals)({
    drain: (name) =>
      Effect.suspend(() => {
        const agent = world.agents.get(name)
        if (world.brokerAway || agent === undefined || agent.silent) return away(`ask ${name} to drain`)
        agent.drainUntil = world.now + drainLeaseMs
        return Effect.succeed({ agent: name, drained: !isBusy(agent), claims: isBusy(agent) ? 1 : 0 })
      })
  })
  return Layer.mergeAll(lanes, presence, signals)
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
