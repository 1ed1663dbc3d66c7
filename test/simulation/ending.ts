import { Effect } from "effect"
import { revisionLabel } from "../../src/operator/fleet/podNames.ts"
import { revisionOf } from "../../src/operator/reconcile/podSpec.ts"
import { gpuPools } from "../../src/platform/kubernetes/resources.ts"
import { addJobs, setPool } from "./chaos.ts"
import { type Invariant, InvariantBroken } from "./invariants.ts"
import { clientOf, copyOf, note, podsNow, poolName, poolNow, settings, type Simulation } from "./simulation.ts"
import { depthOf } from "./world.ts"

/** How a life must end when all is well again: as if nothing had ever gone wrong. */

export interface Ending {
  /** Lets so much time pass. */
  readonly pass: (ms: number) => Effect.Effect<void>
}

/** Longer than every patience: cooldown, leases, backoffs, the wait for writes that were lost. */
const calmLimitMs = 240_000
const quietMs = 20_000
/** The busy label follows half a minute later. */
const settleMs = 40_000
/** Two waits of a reflector that has failed for long. */
const reconnectMs = 70_000
const stepMs = 250
const strideMs = 1_000

const cooldownMs = 2_000
/** The longest time to the next look, with and without pods. */
const activeLookMs = 1_500
const idleLookMs = 8_000
const slackMs = 1_000
/** Of an agent in a hurry. */
const jobMs = 6_000
const startMs = 10_000

const broken = (invariant: Invariant, what: string) => Effect.die(new InvariantBroken(invariant, what))

/** All jobs done, exactly the floor left, and a status that says so. */
const isCalm = (simulation: Simulation): boolean => {
  const pool = poolNow(simulation)
  const pods = podsNow(simulation)
  const [pod] = pods
  return pool !== undefined && depthOf(simulation.world) === 0 && pods.length === 1 && pod?.metadata.deletionTimestamp === undefined &&
    pod?.metadata.labels?.[revisionLabel] === revisionOf(pool, settings) &&
    pool.status?.replicas === 1 && pool.status.readyReplicas === 1 && pool.status.busyReplicas === 0 &&
    pool.status.desiredReplicas === 1 && pool.status.observedGeneration === pool.metadata.generation && pool.status.queue.depth === 0
}

const stateOf = (simulation: Simulation): string => {
  const { metadata, status } = poolNow(simulation) ?? {}
  const pods = podsNow(simulation).map(({ metadata: { deletionTimestamp, name }, status }) => `${name} ${status?.phase} ${deletionTimestamp ?? ""}`)
  return `${depthOf(simulation.world)} jobs; pods ${pods.join(", ")}; ${JSON.stringify({ generation: metadata?.generation, status })}`
}

const until = Effect.fnUntraced(function*(
  simulation: Simulation,
  { pass }: Ending,
  expected: { readonly invariant: Invariant; readonly what: string; readonly withinMs: number; readonly holds: () => boolean }
) {
  for (let waitedMs = 0; waitedMs <= expected.withinMs; waitedMs += stepMs) {
    if (expected.holds()) return
    yield* pass(stepMs)
  }
  return yield* broken(expected.invariant, `not within ${expected.withinMs} ms: ${expected.what}; ${stateOf(simulation)}`)
})

const rest = Effect.fnUntraced(function*({ pass }: Ending, ms: number) {
  for (let waitedMs = 0; waitedMs < ms; waitedMs += strideMs) yield* pass(strideMs)
})

/** Everybody who follows the API server knows what it has; who could not reach it for long may have to wait for the next try. */
const checkCopies = Effect.fnUntraced(function*(simulation: Simulation, ending: Ending) {
  const wordsOf = (objects: ReadonlyArray<{ readonly metadata: { readonly name: string; readonly resourceVersion: string } }>) =>
    objects.map(({ metadata: { name, resourceVersion } }) => `${name} ${resourceVersion}`).sort().join()
  const copies = () =>
    simulation.lives.flatMap(({ alive, cluster }) => (alive && cluster !== undefined ? [wordsOf(copyOf(cluster.pods))] : []))
  yield* until(simulation, ending, {
    invariant: "I10",
    what: "every operator's copy of the pods is right",
    withinMs: reconnectMs,
    holds: () => copies().every((copy) => copy === wordsOf(podsNow(simulation)))
  })
})

const stayQuiet = Effect.fnUntraced(function*(simulation: Simulation, ending: Ending) {
  const { reads, writes } = simulation
  yield* rest(ending, quietMs)
  if (simulation.writes > writes) return yield* broken("I15", `${simulation.writes - writes} writes in ${quietMs} ms`)
  // The end of a watch, which comes every five to ten minutes, may lead to a list.
  if (simulation.reads > reads + 2) return yield* broken("I15", `${simulation.reads - reads} reads in ${quietMs} ms`)
})

const wakeUp = Effect.fnUntraced(function*(simulation: Simulation, ending: Ending) {
  const isTold = simulation.dice.chance(0.7)
  yield* addJobs(simulation, 1, isTold)
  yield* until(simulation, ending, {
    invariant: "I5",
    what: "a pod for a job",
    withinMs: isTold ? slackMs : idleLookMs + slackMs,
    holds: () => podsNow(simulation).length > 0
  })
})

/** From one replica to none, back for a job, and to none again. */
const breathe = Effect.fnUntraced(function*(simulation: Simulation, ending: Ending) {
  const goneMs = cooldownMs + 2 * activeLookMs + slackMs
  const isEmpty = () => podsNow(simulation).length === 0
  yield* setPool(simulation, { replicas: 0 })
  yield* until(simulation, ending, { invariant: "I6", what: "no pod without work", withinMs: goneMs, holds: isEmpty })
  // The status follows, and the operator rests.
  yield* rest(ending, 5_000)
  yield* wakeUp(simulation, ending)
  yield* until(simulation, ending, { invariant: "I5", what: "the job is done", withinMs: startMs + jobMs, holds: () => depthOf(simulation.world) === 0 })
  yield* until(simulation, ending, { invariant: "I6", what: "no pod after the last job", withinMs: goneMs, holds: isEmpty })
})

/** With jobs that run and jobs that wait. */
const deletePool = Effect.fnUntraced(function*(simulation: Simulation, ending: Ending) {
  const { dice, server, world } = simulation
  if (dice.chance(0.7)) {
    yield* addJobs(simulation, dice.between(1, 4), true)
    yield* rest(ending, dice.between(0, 8) * 1_000)
  }
  note(simulation, "the pool is deleted")
  yield* clientOf(server)((client) => client.delete(gpuPools, poolName))
  yield* until(simulation, ending, {
    invariant: "I13",
    what: "nothing is left of the pool",
    withinMs: calmLimitMs,
    holds: () => poolNow(simulation) === undefined && podsNow(simulation).length === 0 && !world.lanes && world.listeners === 0
  })
  const { writes } = simulation
  yield* rest(ending, idleLookMs + slackMs)
  if (simulation.writes > writes || world.lanes) return yield* broken("I13", "a pool that is gone is still worked on")
})

/** After the faults have ended. */
export const endWell = Effect.fnUntraced(function*(simulation: Simulation, ending: Ending) {
  const isByCrashes = simulation.troubles.has("crashes") || !simulation.troubles.has("events")
  yield* until(simulation, ending, {
    invariant: isByCrashes ? "I8" : "I10",
    what: "the floor and nothing else",
    withinMs: calmLimitMs,
    holds: () => isCalm(simulation)
  })
  yield* rest(ending, settleMs)
  yield* checkCopies(simulation, ending)
  yield* stayQuiet(simulation, ending)
  yield* breathe(simulation, ending)
  yield* deletePool(simulation, ending)
})
