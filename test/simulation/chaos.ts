import { Effect, PubSub } from "effect"
import { gpuPools, type Pod } from "../../src/platform/kubernetes/resources.ts"
import { kinds } from "../../src/testing/apiserver/kinds.ts"
import { failPod } from "./kubelets.ts"
import { clientOf, epochMs, kill, note, podsNow, poolName, poolNow, remember, type Simulation, type Trouble } from "./simulation.ts"
import { isBusy } from "./world.ts"

/** What people, clients, machines and networks do to a pool, and to its operators. */

type Patch = Partial<Record<"replicas" | "maxReplicas" | "paused" | "template", unknown>>

export const setPool = Effect.fnUntraced(function*(simulation: Simulation, patch: Patch) {
  note(simulation, `spec ${JSON.stringify(patch)}`)
  yield* clientOf(simulation.server)((client) => client.patch(gpuPools, poolName, { spec: patch }))
  if ("paused" in patch) simulation.pausedSince = simulation.world.now
  remember(simulation)
})

/** `isTold`: with the wake-up, which is told at most once. */
export const addJobs = Effect.fnUntraced(function*(simulation: Simulation, count: number, isTold: boolean) {
  note(simulation, `${count} jobs`)
  simulation.world.queued += count
  remember(simulation)
  if (!simulation.world.brokerAway && isTold) yield* PubSub.publish(simulation.world.wakes, undefined)
})

const followDepth = (simulation: Simulation): void => {
  const { world } = simulation
  const isReadable = !world.brokerAway && !world.depthHidden
  simulation.unreadableSince = isReadable ? undefined : simulation.unreadableSince ?? world.now
}

export const setBroker = (simulation: Simulation, state: { readonly away: boolean; readonly hidden: boolean }): void => {
  simulation.world.brokerAway = state.away
  simulation.world.depthHidden = state.hidden
  followDepth(simulation)
  note(simulation, state.away ? "the broker is away" : state.hidden ? "the depth is unreadable" : "the broker is back")
}

const livePod = (simulation: Simulation): Pod | undefined =>
  simulation.dice.pick(podsNow(simulation).filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === "Running"))

const losePod = (simulation: Simulation): void => {
  const pod = livePod(simulation)
  if (pod === undefined) return
  const reason = simulation.dice.pick(["UnexpectedAdmissionError", "Evicted"])!
  note(simulation, `${pod.metadata.name} ends: ${reason}`)
  failPod(simulation.server, simulation.world, pod, reason)
}

const cutNode = (simulation: Simulation): void => {
  const { kubelets, world } = simulation
  const pod = livePod(simulation)
  const agent = world.agents.get(pod?.metadata.name ?? "")
  if (pod === undefined || agent === undefined || kubelets.cutOff.size > 0) return
  note(simulation, `the node of ${agent.pod} is cut off`)
  kubelets.cutOff.add(agent.pod)
  agent.silent = true
  if (isBusy(agent)) world.lost.push({ backAt: world.now + 4_000 })
  agent.busyUntil = undefined
}

export const joinNode = ({ kubelets, world }: Simulation): void => {
  for (const name of kubelets.cutOff) {
    const agent = world.agents.get(name)
    if (agent !== undefined) agent.silent = false
  }
  kubelets.cutOff.clear()
}

/** Another program writes itself into the lease, or somebody deletes it. */
const disturbLease = ({ dice, server }: Simulation): void => {
  const kind = kinds.find(({ plural }) => plural === "leases")!
  for (const { object, ownership } of server.store.list(kind, "default")) {
    const metadata = object["metadata"] as { readonly name: string }
    const place = { kind, namespace: "default", name: metadata.name }
    if (dice.chance(0.3)) server.store.commit(place, () => undefined)
    else {
      server.store.commit(place, (resourceVersion) => ({
        object: { ...object, metadata: { ...metadata, resourceVersion }, spec: { ...(object["spec"] as object), holderIdentity: "stranger" } },
        ownership
      }))
    }
  }
}

/** Seconds to hours, forward and back. */
const jumpsMs = [2_000, 20_000, 600_000, 4_000_000] as const

const moveClock = (simulation: Simulation): void => {
  const { dice, lives } = simulation
  const life = dice.pick(lives.filter(({ alive }) => alive))
  if (life === undefined) return
  const jump = dice.pick(jumpsMs)! * (dice.chance(0.5) ? 1 : -1)
  life.skewMs += jump
  note(simulation, `the clock of ${life.identity} is set by ${jump} ms`)
}

const standStill = (simulation: Simulation): void => {
  const { dice, lives, world } = simulation
  const life = dice.pick(lives.filter(({ alive }) => alive))
  if (life === undefined) return
  life.frozenUntil = world.now + dice.between(1, 20) * 1_000
  note(simulation, `${life.identity} stands still until ${life.frozenUntil - epochMs}`)
}

const cutOperator = (simulation: Simulation): void => {
  const { dice, lives, server, watchers, world } = simulation
  const life = dice.pick(lives.filter(({ alive }) => alive))
  if (life === undefined) return
  life.cutOffUntil = world.now + dice.between(1, 20) * 1_000
  for (const watch of server.watches) if (watchers.get(watch.request) === life) watch.reset()
  note(simulation, `${life.identity} cannot reach the API server until ${life.cutOffUntil - epochMs}`)
}

const killOne = (simulation: Simulation): void => {
  const life = simulation.dice.pick(simulation.lives.filter(({ alive }) => alive))
  if (life === undefined) return
  kill(simulation, life)
  note(simulation, `${life.identity} is killed`)
}

const changeMaximum = (simulation: Simulation) => {
  const maxReplicas = simulation.dice.between(1, 5)
  return setPool(simulation, { maxReplicas, replicas: Math.min(maxReplicas, poolNow(simulation)?.spec.replicas ?? 0) })
}

const changeTemplate = (simulation: Simulation) =>
  setPool(simulation, { template: { metadata: { annotations: { version: String(simulation.world.now) } } } })

const sync = (does: (simulation: Simulation) => void) => (simulation: Simulation) => Effect.sync(() => does(simulation))

type Happening = readonly [weight: number, trouble: Trouble | undefined, happens: (simulation: Simulation) => Effect.Effect<unknown>]

const happenings: ReadonlyArray<Happening> = [
  [25, undefined, (simulation) => addJobs(simulation, simulation.dice.between(1, 3), !(simulation.troubles.has("broker") && simulation.dice.chance(0.1)))],
  [14, undefined, (simulation) => setPool(simulation, { replicas: simulation.dice.between(0, poolNow(simulation)?.spec.maxReplicas ?? 0) })],
  [3, "spec", changeMaximum],
  [3, "spec", (simulation) => setPool(simulation, { paused: simulation.dice.pick(["", "", "All", "In", "Out"]) })],
  [3, "spec", changeTemplate],
  [5, "broker", sync((simulation) => setBroker(simulation, { away: !simulation.world.brokerAway, hidden: false }))],
  [3, "broker", sync((simulation) => setBroker(simulation, { away: false, hidden: !simulation.world.depthHidden }))],
  [6, "nodes", sync(losePod)],
  [3, "nodes", sync(cutNode)],
  [3, "nodes", sync(joinNode)],
  [5, "nodes", sync(({ dice, kubelets }) => void (kubelets.room = dice.between(0, 6)))],
  [2, "nodes", sync(({ dice, kubelets }) => void (kubelets.gated = dice.chance(0.4)))],
  [4, "crashes", sync(killOne)],
  [2, "stale", sync(killOne)],
  [2, "requests", sync(cutOperator)],
  [2, "lease", sync(disturbLease)],
  [2, "clock", sync(moveClock)],
  [2, "freeze", sync(standStill)],
  [4, "events", sync(({ server }) => {
    for (const watch of server.watches) watch.reset()
  })],
  [2, "events", sync(({ server }) => server.compact())]
]

export const happen = (simulation: Simulation): Effect.Effect<unknown> => {
  const possible = happenings.filter(([, trouble]) => trouble === undefined || simulation.troubles.has(trouble))
  let roll = simulation.dice.next() * possible.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, , happens] of possible) if ((roll -= weight) < 0) return happens(simulation)
  return Effect.void
}

/** From here on nothing goes wrong any more. */
export const heal = Effect.fnUntraced(function*(simulation: Simulation) {
  const { kubelets, lives, server } = simulation
  simulation.chaos = false
  kubelets.room = 20
  kubelets.gated = false
  joinNode(simulation)
  setBroker(simulation, { away: false, hidden: false })
  // Operators with a lease of their own go, and come back with everybody's.
  if (simulation.troubles.has("leaders")) for (const life of lives) kill(simulation, life)
  yield* setPool(simulation, { paused: "", maxReplicas: 4, replicas: 1 })
  // What a watch has not told is found by the next list, which comes by itself after some minutes. After a change that
  // surely is one no copy of the pods is of the present version, so that each of them lists again now.
  yield* clientOf(server)((client) => client.patch(gpuPools, poolName, { metadata: { annotations: { healed: "yes" } } }))
  server.compact()
  for (const watch of server.watches) watch.reset()
})
