import { Clock, Config, Context, Effect, FiberSet, Layer, Queue, Schema, Stream } from "effect"
import { DurationText, durationMs, type GpuPool } from "../../contract/GpuPool.ts"
import { type Child, describeExit, nodeCommand, startChild } from "../../platform/processes/Child.ts"
import type { AgentProcess } from "./observe.ts"

/** What agents inherit. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A process of the fleet ended. `asked`: because the fleet wanted it to. */
export interface AgentExit {
  readonly pool: string
  readonly id: string
  readonly asked: boolean
  readonly why: string
}

/** Agents as processes of this machine: what a pod is in a cluster. Decides nothing. */
export class AgentProcesses extends Context.Service<AgentProcesses, {
  readonly list: (pool: string) => Effect.Effect<ReadonlyArray<AgentProcess>>
  /** Pools that have processes. */
  readonly pools: Effect.Effect<ReadonlySet<string>>
  /** Starts one more, in the lowest free slot; gives its id. */
  readonly start: (pool: GpuPool) => Effect.Effect<string>
  /** Notes that it was asked to drain, or called back. */
  readonly mark: (id: string, wanted: "running" | "draining") => Effect.Effect<void>
  /** SIGTERM, then SIGKILL after `graceMs`; returns at once. Whatever it runs is finished or given back by the agent. */
  readonly stop: (id: string, graceMs: number) => Effect.Effect<void>
  /** SIGKILL for one that is broken; counts as a crash. */
  readonly kill: (id: string, why: string) => Effect.Effect<void>
  readonly exits: Stream.Stream<AgentExit>
}>()("darkroom/operator/fleet/AgentProcesses") {
  /** Ends with its agents: SIGTERM to all, SIGKILL to those left after `FLEET_GRACE` (20s). */
  static readonly layer = (environment: Environment) => Layer.effect(AgentProcesses, make(environment))
}

/** What of the spec an agent is started with: another revision needs another process. */
export const revisionOf = (pool: GpuPool): string => JSON.stringify([pool.spec.models, pool.spec.placement.gpu])

interface Slot {
  readonly process: AgentProcess
  readonly pool: string
  readonly child: Child
  broken: string | undefined
}

const commandConfig = Config.schema(Schema.fromJsonString(Schema.Array(Schema.String)), "AGENT_COMMAND").pipe(
  Config.withDefault([...nodeCommand, new URL("../../gpu-agent/main.ts", import.meta.url).pathname])
)

const graceConfig = Config.schema(DurationText, "FLEET_GRACE").pipe(Config.withDefault("20s"), Config.map(durationMs))

/** Time between an agent's own grace and the fleet's SIGKILL: to give a job back and say goodbye. */
const goodbyeMs = 2_000
const agentGraceMinMs = 1_000

/** Given to an agent unless the environment says otherwise. */
const agentDefaults = (pool: GpuPool, graceMs: number): Environment => {
  const longestMs = Math.min(graceMs, durationMs(pool.spec.lifecycle.drainTimeout))
  return {
    DARKROOM_DEVICE: pool.spec.placement.gpu.count === 0 ? "cpu" : "auto",
    AGENT_GRACE: `${Math.max(agentGraceMinMs, longestMs - goodbyeMs)}ms`
  }
}

const agentIdentity = (pool: GpuPool, id: string): Environment => ({
  DARKROOM_POOL: pool.metadata.name,
  DARKROOM_MODELS: pool.spec.models.join(","),
  AGENT_ID: id
})

const lowestFree = (taken: ReadonlyArray<number>): number => {
  let slot = 0
  while (taken.includes(slot)) slot++
  return slot
}

const make = Effect.fnUntraced(function*(environment: Environment) {
  const command = yield* commandConfig
  const graceMs = yield* graceConfig
  const slots = new Map<string, Slot>()
  const exits = yield* Queue.unbounded<AgentExit>()
  const fibers = yield* FiberSet.make()
  const ofPool = (pool: string) => [...slots.values()].filter((slot) => slot.pool === pool)
  const setWanted = (slot: Slot, wanted: AgentProcess["wanted"]) =>
    slots.set(slot.process.id, { ...slot, process: { ...slot.process, wanted } })

  yield* Effect.addFinalizer(() =>
    Effect.forEach([...slots.values()], (slot) => {
      setWanted(slot, "stopping")
      return slot.child.stop(graceMs)
    }, { concurrency: "unbounded", discard: true })
  )

  const awaitExit = (id: string, child: Child) =>
    Effect.gen(function*() {
      const exit = yield* child.exited
      const slot = slots.get(id)
      slots.delete(id)
      if (slot === undefined) return
      const asked = slot.process.wanted === "stopping" && slot.broken === undefined
      const why = slot.broken ?? describeExit(exit)
      yield* asked ? Effect.logInfo(`agent ${id} stopped`) : Effect.logWarning(`agent ${id} ended: ${why}`)
      yield* Queue.offer(exits, { pool: slot.pool, id, asked, why })
    })

  const start = Effect.fn("AgentProcesses.start")(function*(pool: GpuPool) {
    const name = pool.metadata.name
    const now = yield* Clock.currentTimeMillis
    const slot = lowestFree(ofPool(name).map((slot) => slot.process.slot))
    // The incarnation never repeats, so a late heartbeat of an earlier process in the slot cannot be taken for this one.
    const id = `${name}-${slot}-${now.toString(36)}`
    const child = yield* startChild({ command, env: { ...agentDefaults(pool, graceMs), ...environment, ...agentIdentity(pool, id) }, kind: "node", output: "inherit" })
    const process: AgentProcess = { id, slot, wanted: "running", startedAt: now, revision: revisionOf(pool) }
    slots.set(id, { process, pool: name, child, broken: undefined })
    yield* FiberSet.run(fibers, awaitExit(id, child))
    yield* Effect.logInfo(`agent ${id} started (process ${child.pid ?? "none"})`)
    return id
  })

  return AgentProcesses.of({
    list: (pool) => Effect.sync(() => ofPool(pool).map((slot) => slot.process)),
    pools: Effect.sync(() => new Set([...slots.values()].map((slot) => slot.pool))),
    start,
    mark: (id, wanted) =>
      Effect.sync(() => {
        const slot = slots.get(id)
        if (slot !== undefined && slot.process.wanted !== "stopping") setWanted(slot, wanted)
      }),
    stop: (id, graceMs) =>
      Effect.suspend(() => {
        const slot = slots.get(id)
        if (slot === undefined || slot.process.wanted === "stopping") return Effect.void
        setWanted(slot, "stopping")
        return Effect.asVoid(FiberSet.run(fibers, slot.child.stop(graceMs)))
      }),
    kill: (id, why) =>
      Effect.suspend(() => {
        const slot = slots.get(id)
        if (slot === undefined) return Effect.void
        slot.broken = why
        return slot.child.signal("SIGKILL")
      }),
    exits: Stream.fromQueue(exits)
  })
})
