import { Config, Duration, Effect, Layer, Queue, Stream } from "effect"
import { join } from "node:path"
import { mkdirSync } from "node:fs"
import packageJson from "../../package.json" with { type: "json" }
import { DurationText, durationMs, type GpuPool } from "../contract/GpuPool.ts"
import { Connection } from "../platform/nats/Connection.ts"
import { Lanes } from "../platform/nats/Lanes.ts"
import { Presence } from "../platform/nats/Presence.ts"
import { logReady } from "../platform/nats/provision.ts"
import { Signals } from "../platform/nats/Signals.ts"
import { PoolFile } from "../platform/pools/PoolFile.ts"
import { lockFile } from "../platform/processes/LockFile.ts"
import { runProgram } from "../platform/processes/runProgram.ts"
import { AgentProcesses } from "./fleet/processes.ts"
import { makePoolControl, type PoolControl } from "./reconcile/PoolControl.ts"

/** The local fleet: what the operator is in a cluster, for agents that are processes of this machine. */

const settings = Config.all({
  dataDir: Config.String("DATA_DIR").pipe(Config.withDefault(".darkroom")),
  intervalMs: Config.schema(DurationText, "FLEET_INTERVAL").pipe(Config.withDefault("1s"), Config.map(durationMs)),
  warmStart: Config.Boolean("FLEET_WARM_START").pipe(Config.withDefault(false))
})

/** Wake-ups come with every job, and a pool is read with a dozen requests: the first is followed at once, others together. */
const roundsApartMs = 250

interface Managed {
  readonly control: PoolControl
  pool: GpuPool
  /** Still in the file. */
  wanted: boolean
}

const fleet = Effect.gen(function*() {
  const { intervalMs, warmStart } = yield* settings
  const file = yield* PoolFile
  const lanes = yield* Lanes
  const processes = yield* AgentProcesses
  const managed = new Map<string, Managed>()
  /** Something happened: look now instead of at the next tick. */
  const nudges = yield* Queue.sliding<void>(1)
  const nudge = Queue.offer(nudges, undefined)

  const listen = (pool: string) =>
    lanes.wakes(pool).pipe(
      Stream.runForEach(() => nudge),
      // Wake-ups are a shortcut; without them the next tick finds the job.
      Effect.catch(() => Effect.void),
      Effect.forkScoped
    )

  const take = Effect.fnUntraced(function*(pools: ReadonlyArray<GpuPool>) {
    for (const one of managed.values()) one.wanted = false
    for (const pool of pools) {
      const name = pool.metadata.name
      const known = managed.get(name)
      if (known !== undefined) {
        known.pool = pool
        known.wanted = true
        continue
      }
      managed.set(name, { control: yield* makePoolControl(name, warmStart), pool, wanted: true })
      yield* listen(name)
    }
  })

  const retire = (name: string, { control, pool }: Managed) =>
    Effect.gen(function*() {
      if (!(yield* control.retire(pool))) return
      managed.delete(name)
      yield* Effect.logInfo(`pool ${name} is gone: its agents, its jobs and its lanes`)
    })

  const round = Effect.gen(function*() {
    yield* take(yield* file.current)
    yield* Effect.forEach(
      managed,
      ([name, one]) => (one.wanted ? one.control.reconcile(one.pool) : retire(name, one)),
      { concurrency: 8, discard: true }
    )
  })

  yield* processes.exits.pipe(
    Stream.runForEach((exit) => {
      const owner = managed.get(exit.pool)
      return owner === undefined ? Effect.void : Effect.andThen(owner.control.crashed(exit, owner.pool), nudge)
    }),
    Effect.forkScoped
  )
  yield* file.changes.pipe(Stream.runForEach(() => nudge), Effect.forkScoped)
  yield* Effect.logInfo(`the fleet follows ${file.path}`)

  const next = Effect.sleep(Math.min(roundsApartMs, intervalMs)).pipe(
    Effect.andThen(Queue.take(nudges)),
    Effect.timeoutOption(Duration.millis(intervalMs))
  )
  return yield* Effect.forever(
    Effect.andThen(round.pipe(Effect.catchCause((cause) => Effect.logError("a round of the fleet failed", cause))), next)
  ).pipe(Effect.withTracerEnabled(false))
}).pipe(Effect.scoped)

const services = Layer.mergeAll(Lanes.layer, Presence.layer, Signals.layer, AgentProcesses.layer(process.env), PoolFile.layer).pipe(
  Layer.provide(logReady),
  Layer.provide(Connection.layer("fleet"))
)

/** Locked before anything else, until the last agent has gone: two fleets would start every agent twice. */
const main = Effect.gen(function*() {
  const { dataDir } = yield* settings
  mkdirSync(dataDir, { recursive: true })
  yield* lockFile(join(dataDir, "fleet.lock"), "A fleet of agents")
  return yield* Effect.provide(fleet, services)
}).pipe(Effect.scoped)

runProgram("fleet", packageJson.version, main)
