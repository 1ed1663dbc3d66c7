import { Clock, Effect, Fiber, Layer, PubSub, Random, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Cluster } from "../../src/operator/fleet/Cluster.ts"
import { OperatorMetrics } from "../../src/operator/health/OperatorMetrics.ts"
import { operate, type OperatorSettings } from "../../src/operator/operator.ts"
import { ApiUnavailable } from "../../src/platform/kubernetes/errors.ts"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import type { ApiRequest, KubeTransport } from "../../src/platform/kubernetes/KubeTransport.ts"
import { lead } from "../../src/platform/kubernetes/Leadership.ts"
import { gpuPools, type Pod, type StoredGpuPool } from "../../src/platform/kubernetes/resources.ts"
import type { RequestFault } from "../../src/testing/apiserver/faults.ts"
import { kinds } from "../../src/testing/apiserver/kinds.ts"
import { makeMemoryApiServer, type MemoryApiServer } from "../../src/testing/MemoryApiServer.ts"
import { checkWrite, InvariantBroken } from "./invariants.ts"
import { clientOf, failPod, type Kubelets, stepKubelets } from "./kubelets.ts"
import { type Dice, diceOf } from "./random.ts"
import { beat, brokerOf, isBusy, makeWorld, unfinished, work, type World } from "./world.ts"

/** One life of a pool under everything that can go wrong, by a seed; then all is well again and the end must be right. */

const stepMs = 250
const chaosSteps = 480
/** Longer than every patience: cooldown, leases, backoffs, the wait for writes that were lost. */
const calmLimitMs = 240_000
const quietMs = 20_000
/** The busy label follows half a minute later. */
const settleMs = 40_000

const settings: OperatorSettings = {
  identity: "operator", concurrency: 2, image: { cpu: "cpu", cuda: "cuda" }, natsUrl: "nats://nats", natsSecret: "", environment: {}
}

const poolName = "pool"
const spec = { models: ["noop"], replicas: 0, maxReplicas: 4, placement: { gpu: { count: 0 } }, scaling: { cooldown: "2s" }, lifecycle: { drainTimeout: "600s" } }

interface Simulation {
  readonly dice: Dice
  readonly world: World
  readonly server: MemoryApiServer
  readonly kubelets: Kubelets
  readonly lives: Array<{ alive: boolean }>
  readonly trace: Array<string>
  violation: Error | undefined
  chaos: boolean
  brokerAwaySince: number | undefined
  pausedSince: number | undefined
  maxima: Array<{ readonly at: number; readonly maximum: number }>
  writes: number
}

const isWrite = ({ method, path }: ApiRequest) => method !== "GET" && !path.includes("/events") && !path.includes("/leases")

const stored = <A>({ server }: Pick<Simulation, "server">, plural: string): ReadonlyArray<A> => {
  const kind = kinds.find((one) => one.plural === plural)!
  return server.store.list(kind, "default").map(({ object }) => object as A)
}

const poolNow = (simulation: Simulation) => stored<StoredGpuPool>(simulation, "gpupools")[0]
const podsNow = (simulation: Simulation) => stored<Pod>(simulation, "pods")

const note = (simulation: Simulation, what: string) =>
  simulation.trace.push(`${String(simulation.world.now).padStart(7)} ${what}`)

const check = (simulation: Simulation, request: ApiRequest): void => {
  const { brokerAwaySince, maxima, pausedSince, world } = simulation
  const recent = maxima.filter(({ at }, index) => (maxima[index + 1]?.at ?? world.now) > world.now - 10_000 || at > world.now - 10_000)
  try {
    checkWrite(request, {
      world, brokerAwaySince, pausedSince, pool: poolNow(simulation), pods: podsNow(simulation),
      recentMaximum: Math.max(...recent.map(({ maximum }) => maximum))
    })
  } catch (error) {
    simulation.violation ??= error as Error
  }
}

const faultOf = ({ chaos, dice }: Simulation, request: ApiRequest): RequestFault | undefined => {
  if (!chaos || !dice.chance(0.06)) return undefined
  const refusals = [{ answer: { status: 500 } }, { answer: { status: 429, retryAfter: "1" } }, "reset"] as const
  return request.method === "GET"
    ? dice.pick([...refusals, { answer: { status: 410 } }] as const)
    : dice.pick([...refusals, { answer: { status: 409 } }, "lost", { delayMs: 1_500 }] as const)
}

/** One operator's way to the API server: it meets faults, its writes are checked, and it may die right after one. */
const transportOf = (simulation: Simulation, life: { alive: boolean }, die: Effect.Effect<void>): KubeTransport => {
  const { server, world } = simulation
  const request: KubeTransport["request"] = Effect.fnUntraced(function*(sent) {
    if (!life.alive) return yield* Effect.never
    if (isWrite(sent)) {
      check(simulation, sent)
      note(simulation, `${sent.method} ${sent.path.split("?")[0]!.split("/").slice(-2).join("/")}`)
    }
    const fault = faultOf(simulation, sent)
    if (fault === "reset") return yield* new ApiUnavailable({ operation: sent.operation, reason: "reset" })
    if (typeof fault === "object" && "answer" in fault) return { body: "", ...fault.answer }
    const response = yield* server.transport.request(sent)
    if (isWrite(sent) && response.status < 300) {
      simulation.writes += 1
      if (simulation.chaos && simulation.dice.chance(0.03)) {
        note(simulation, "the operator dies after this write")
        yield* die
        return yield* Effect.never
      }
    }
    if (fault === "lost") return yield* new ApiUnavailable({ operation: sent.operation, reason: `lost at ${world.now}` })
    if (typeof fault === "object" && "delayMs" in fault) yield* Effect.sleep(fault.delayMs)
    return response
  })
  return { ...server.transport, request }
}

/** An operator that comes back some time after each death. */
const runOperator = Effect.fnUntraced(function*(simulation: Simulation, identity: string) {
  while (true) {
    const life = { alive: true }
    simulation.lives.push(life)
    const die = Effect.sync(() => void (life.alive = false))
    const services = Layer.mergeAll(Cluster.layer, OperatorMetrics.layer).pipe(
      Layer.provideMerge(KubeClient.over(transportOf(simulation, life, die))),
      Layer.provideMerge(brokerOf(simulation.world)),
      Layer.fresh
    )
    const work = lead({ name: "darkroom-operator", identity }, operate({ ...settings, identity }))
    const fiber = yield* Effect.forkDetach(Effect.provide(work, services))
    while (life.alive) yield* Effect.sleep(stepMs)
    // Whatever it still does takes its time and reaches nobody.
    yield* Effect.forkDetach(Fiber.interrupt(fiber))
    yield* Effect.sleep(simulation.dice.between(1, 8) * 1_000)
  }
})

const setPool = (simulation: Simulation, patch: Partial<Record<"replicas" | "maxReplicas" | "paused", unknown>>) =>
  Effect.gen(function*() {
    note(simulation, `spec ${JSON.stringify(patch)}`)
    yield* clientOf(simulation.server)((client) => client.patch(gpuPools, poolName, { spec: patch }))
    const { world } = simulation
    if (typeof patch.maxReplicas === "number") simulation.maxima.push({ at: world.now, maximum: patch.maxReplicas })
    if ("paused" in patch) simulation.pausedSince = patch.paused === "All" ? world.now : undefined
  })

const addJobs = (simulation: Simulation, count: number) =>
  Effect.gen(function*() {
    note(simulation, `${count} jobs`)
    simulation.world.queued += count
    // A wake-up is told at most once, and sometimes not at all.
    if (!simulation.world.brokerAway && !simulation.dice.chance(0.1)) yield* PubSub.publish(simulation.world.wakes, undefined)
  })

const moveBroker = (simulation: Simulation) =>
  Effect.sync(() => {
    const { world } = simulation
    world.brokerAway = !world.brokerAway
    simulation.brokerAwaySince = world.brokerAway ? world.now : undefined
    note(simulation, world.brokerAway ? "the broker is away" : "the broker is back")
  })

const livePod = (simulation: Simulation): Pod | undefined =>
  simulation.dice.pick(podsNow(simulation).filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === "Running"))

const losePod = (simulation: Simulation) =>
  Effect.gen(function*() {
    const pod = livePod(simulation)
    if (pod === undefined) return
    const reason = simulation.dice.pick(["UnexpectedAdmissionError", "Evicted"])!
    note(simulation, `${pod.metadata.name} ends: ${reason}`)
    yield* failPod(simulation.server, simulation.world, pod, reason)
  })

const cutNode = (simulation: Simulation) =>
  Effect.sync(() => {
    const pod = livePod(simulation)
    const agent = simulation.world.agents.get(pod?.metadata.name ?? "")
    if (pod === undefined || agent === undefined || simulation.kubelets.cutOff.size > 0) return
    note(simulation, `the node of ${agent.pod} is cut off`)
    simulation.kubelets.cutOff.add(agent.pod)
    agent.silent = true
    if (isBusy(agent)) simulation.world.lost.push({ backAt: simulation.world.now + 4_000 })
    agent.busyUntil = undefined
  })

const joinNode = ({ kubelets, world }: Simulation) =>
  Effect.sync(() => {
    for (const name of kubelets.cutOff) {
      const agent = world.agents.get(name)
      if (agent !== undefined) agent.silent = false
    }
    kubelets.cutOff.clear()
  })

const happen = (simulation: Simulation): Effect.Effect<unknown> => {
  const { dice, kubelets, lives, server } = simulation
  const maximum = poolNow(simulation)?.spec.maxReplicas ?? 0
  const events: ReadonlyArray<readonly [number, () => Effect.Effect<unknown>]> = [
    [25, () => addJobs(simulation, dice.between(1, 3))],
    [14, () => setPool(simulation, { replicas: dice.between(0, maximum) })],
    [3, () => {
      const maxReplicas = dice.between(1, 5)
      return setPool(simulation, { maxReplicas, replicas: Math.min(maxReplicas, poolNow(simulation)?.spec.replicas ?? 0) })
    }],
    [3, () => setPool(simulation, { paused: dice.pick(["", "", "All", "In", "Out"]) })],
    [5, () => moveBroker(simulation)],
    [6, () => losePod(simulation)],
    [3, () => cutNode(simulation)],
    [3, () => joinNode(simulation)],
    [5, () => Effect.sync(() => void (kubelets.room = dice.between(0, 6)))],
    [4, () => Effect.sync(() => {
      const life = dice.pick(lives.filter(({ alive }) => alive))
      if (life !== undefined) life.alive = false
      note(simulation, "an operator is killed")
    })],
    [4, () => Effect.sync(() => {
      for (const watch of server.watches) watch.reset()
    })],
    [2, () => Effect.sync(() => server.compact())]
  ]
  let roll = dice.next() * events.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, what] of events) if ((roll -= weight) < 0) return what()
  return Effect.void
}

const step = Effect.fnUntraced(function*(simulation: Simulation) {
  const { dice, kubelets, server, world } = simulation
  yield* TestClock.adjust(stepMs)
  world.now = yield* Clock.currentTimeMillis
  work(world, () => dice.between(500, 6_000))
  beat(world, () => simulation.chaos && dice.chance(0.3))
  yield* stepKubelets(server, kubelets, world, dice)
  for (let turn = 0; turn < 3; turn++) yield* Effect.yieldNow
  const pool = poolNow(simulation)
  // What gateways do for a pool that goes.
  if (pool?.metadata.deletionTimestamp !== undefined && pool.status?.lanesReadyFor.length === 0) {
    world.queued = 0
    world.lost = []
  }
  if (simulation.violation !== undefined) return yield* Effect.die(simulation.violation)
})

const heal = Effect.fnUntraced(function*(simulation: Simulation) {
  simulation.chaos = false
  simulation.kubelets.room = 20
  yield* joinNode(simulation)
  if (simulation.world.brokerAway) yield* moveBroker(simulation)
  yield* setPool(simulation, { paused: "", maxReplicas: 4, replicas: 1 })
  // What a watch has not told is found by the next list, which comes by itself after some minutes. After a change that
  // surely is one no copy of the pods is of the present version, so that each of them lists again now.
  yield* clientOf(simulation.server)((client) => client.patch(gpuPools, poolName, { metadata: { annotations: { healed: "yes" } } }))
  simulation.server.compact()
  for (const watch of simulation.server.watches) watch.reset()
})

/** All jobs done, exactly the floor left, and a status that says so. */
const isCalm = (simulation: Simulation): boolean => {
  const pool = poolNow(simulation)
  const pods = podsNow(simulation)
  return unfinished(simulation.world) === 0 && pods.length === 1 && pods[0]?.metadata.deletionTimestamp === undefined &&
    pool?.status?.replicas === 1 && pool.status.readyReplicas === 1 && pool.status.busyReplicas === 0 &&
    pool.status.desiredReplicas === 1 && pool.status.observedGeneration === pool.metadata.generation && pool.status.queue.depth === 0
}

const until = Effect.fnUntraced(function*(simulation: Simulation, what: string, holds: () => boolean) {
  for (let waitedMs = 0; waitedMs < calmLimitMs; waitedMs += stepMs) {
    if (holds()) return
    yield* step(simulation)
  }
  const { metadata, status } = poolNow(simulation) ?? {}
  const pods = podsNow(simulation).map(({ metadata: { deletionTimestamp, name }, status }) => `${name} ${status?.phase} ${deletionTimestamp ?? ""}`)
  return yield* Effect.die(new InvariantBroken(
    `I8: never: ${what}; ${unfinished(simulation.world)} jobs; pods ${pods.join(", ")}; ${JSON.stringify({ generation: metadata?.generation, status })}`
  ))
})

const stayQuiet = Effect.fnUntraced(function*(simulation: Simulation) {
  const before = simulation.writes
  for (let waitedMs = 0; waitedMs < quietMs; waitedMs += stepMs) yield* step(simulation)
  if (simulation.writes > before) return yield* Effect.die(new InvariantBroken(`I15: ${simulation.writes - before} writes while nothing happens`))
})

/** What happened, newest last, for the person who replays a seed. */
const traceOf = ({ trace }: Simulation): string => trace.slice(-60).join("\n")

export const simulate = (seed: number): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    const dice = diceOf(seed)
    const server = makeMemoryApiServer({ bookmarkMs: 10_000 })
    const world = yield* makeWorld
    const simulation: Simulation = {
      dice, world, server, kubelets: { room: 6, cutOff: new Set() }, lives: [], trace: [], violation: undefined, chaos: true,
      brokerAwaySince: undefined, pausedSince: undefined, maxima: [{ at: 0, maximum: 4 }], writes: 0
    }
    server.faults.event = () => (simulation.chaos && dice.chance(0.03) ? dice.pick(["twice", { delayMs: 2_000 }, "drop"] as const)! : "deliver")
    yield* clientOf(server)((client) => client.create(gpuPools, { metadata: { name: poolName }, spec }))
    for (const identity of ["a", "b"]) yield* Effect.forkScoped(runOperator(simulation, identity))
    world.latencyMs = () => (simulation.chaos && dice.chance(0.5) ? dice.between(0, 900) : 0)
    world.lastMomentMs = () => (simulation.chaos && dice.chance(0.3) ? dice.between(500, 6_000) : 0)
    const life = Effect.gen(function*() {
      for (let steps = 0; steps < chaosSteps; steps++) {
        yield* step(simulation)
        if (dice.chance(0.15)) yield* happen(simulation)
      }
      yield* heal(simulation)
      yield* until(simulation, "the floor and nothing else", () => isCalm(simulation))
      for (let waitedMs = 0; waitedMs < settleMs; waitedMs += stepMs) yield* step(simulation)
      yield* stayQuiet(simulation)
      yield* clientOf(server)((client) => client.delete(gpuPools, poolName))
      yield* until(simulation, "nothing is left of the pool", () => poolNow(simulation) === undefined && podsNow(simulation).length === 0 && !world.lanes)
    })
    yield* life.pipe(Effect.catchDefect((defect) =>
      Effect.die(new Error(`seed ${seed}: ${defect instanceof Error ? defect.message : String(defect)}\n${traceOf(simulation)}`))))
  }).pipe(Random.withSeed(String(seed)))
