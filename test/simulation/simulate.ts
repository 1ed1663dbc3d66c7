import { Clock, Effect, Random, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { slotLabel } from "../../src/operator/fleet/podNames.ts"
import { gpuPools, type Pod } from "../../src/platform/kubernetes/resources.ts"
import { makeMemoryApiServer } from "../../src/testing/MemoryApiServer.ts"
import { happen, heal } from "./chaos.ts"
import { endWell } from "./ending.ts"
import { followPictures, type Invariant, InvariantBroken } from "./invariants.ts"
import { stepKubelets } from "./kubelets.ts"
import { eventFault, requestFault, runOperator } from "./operators.ts"
import { diceOf } from "./random.ts"
import { clientOf, epochMs, isLive, poolName, poolNow, poolSpec, remember, type Simulation, type Trouble, troubles } from "./simulation.ts"
import { beat, makeWorld, work } from "./world.ts"

/** One life of a pool under what can go wrong, by a seed; then all is well again and the end must be right. */

const stepMs = 250
/** The clock waits for so long for those that it wakes: on a machine that is busy with other things, too, a seed is the same life again. */
const patience = "1 minute"
const chaosSteps = 480

export interface LifeOptions {
  /** Instead of those that the seed picks. */
  readonly troubles?: ReadonlyArray<Trouble>
  /** An operator dies right after this one of the decisive writes. */
  readonly crashAfterWrite?: number
  /** Default 0.06. */
  readonly faultChance?: number
  /** Changes what operators send, as if they were built wrong. */
  readonly tamper?: Simulation["tamper"]
  /** How long things go wrong, in steps of a quarter of a second. */
  readonly chaosSteps?: number
}

/** A life that went wrong, with what is needed to live it again. */
export class LifeFailed extends Error {
  readonly invariant: Invariant | undefined
  constructor(simulation: Simulation, cause: unknown) {
    const what = cause instanceof Error ? cause.message : String(cause)
    super([
      `seed ${simulation.seed} (${[...simulation.troubles].join(", ")}): ${what}`,
      `To see it again: SIMULATION_SEED=${simulation.seed} SIMULATION_SEEDS=1 scripts/test simulation test/simulation/lives-${simulation.seed % 2 === 0 ? "even" : "odd"}`,
      "What happened before, by the millisecond:",
      ...simulation.trace.slice(-60)
    ].join("\n"))
    this.invariant = cause instanceof InvariantBroken ? cause.invariant : undefined
  }
}

const pass = Effect.fnUntraced(function*(simulation: Simulation, ms: number) {
  const { dice, kubelets, server, world } = simulation
  yield* TestClock.adjust(ms)
  world.now = yield* Clock.currentTimeMillis
  work(world, () => dice.between(500, 6_000))
  beat(world, () => simulation.chaos && simulation.troubles.has("broker") && dice.chance(0.3))
  stepKubelets(server, kubelets, world, dice)
  remember(simulation)
  followPictures(simulation)
  for (let turn = 0; turn < 3; turn++) yield* Effect.yieldNow
  const pool = poolNow(simulation)
  // What gateways do for a pool that goes.
  if (pool?.metadata.deletionTimestamp !== undefined && pool.status?.lanesReadyFor.length === 0) {
    world.queued = 0
    world.lost = []
  }
  if (simulation.violation !== undefined) return yield* Effect.die(simulation.violation)
})

const begin = Effect.fnUntraced(function*(seed: number, options: LifeOptions) {
  const dice = diceOf(seed)
  const server = makeMemoryApiServer({ bookmarkMs: 10_000 })
  const world = yield* makeWorld
  const simulation: Simulation = {
    seed, dice, world, server,
    troubles: new Set(options.troubles ?? troubles.filter(() => dice.chance(0.7))),
    kubelets: { room: 6, gated: false, cutOff: new Set() },
    lives: [], trace: [], violation: undefined, chaos: true, unreadableSince: undefined, pausedSince: 0, history: [],
    lastInSlot: new Map(), losses: [],
    observed: 0, writes: 0, reads: 0, decisiveWrites: 0, crashAfterWrite: options.crashAfterWrite ?? 0, faultChance: options.faultChance ?? 0.06, tamper: options.tamper ?? ((request) => request), watchers: new WeakMap()
  }
  const isTroubled = () => simulation.chaos && simulation.troubles.has("broker")
  world.latencyMs = () => (isTroubled() && dice.chance(0.5) ? dice.between(0, 900) : 0)
  world.lastMomentMs = () => (simulation.chaos && dice.chance(0.3) ? dice.between(500, 6_000) : 0)
  server.faults.event = (event, watch) => eventFault(simulation, event, watch)
  server.faults.request = (request) => requestFault(simulation, request)
  server.store.listen(({ after, before, kind }) => {
    if (kind.plural !== "pods" || before === undefined) return
    const pod = before.object as unknown as Pod
    if (after === undefined) simulation.lastInSlot.set(pod.metadata.labels?.[slotLabel] ?? "", pod.metadata.uid)
    if (after === undefined || (isLive(pod) && !isLive(after.object as unknown as Pod))) simulation.losses.push(world.now)
  })
  yield* clientOf(server)((client) => client.create(gpuPools, { metadata: { name: poolName }, spec: poolSpec }))
  remember(simulation)
  return simulation
})

export const simulate = (seed: number, options: LifeOptions = {}): Effect.Effect<Simulation, never, Scope.Scope> =>
  Effect.gen(function*() {
    yield* TestClock.setTime(epochMs)
    const simulation = yield* begin(seed, options)
    for (const identity of ["a", "b"]) yield* Effect.forkScoped(runOperator(simulation, identity))
    const life = Effect.gen(function*() {
      for (let steps = 0; steps < (options.chaosSteps ?? chaosSteps); steps++) {
        yield* pass(simulation, stepMs)
        if (simulation.dice.chance(0.15)) yield* happen(simulation)
      }
      yield* heal(simulation)
      yield* endWell(simulation, { pass: (ms) => pass(simulation, ms) })
    })
    yield* life.pipe(Effect.catchDefect((defect) => Effect.die(new LifeFailed(simulation, defect))))
    return simulation
  }).pipe(Random.withSeed(String(seed)), Effect.provide(TestClock.layer({ warningDelay: patience })))
