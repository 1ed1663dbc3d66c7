import type { Pod } from "../../src/platform/kubernetes/resources.ts"
import { kinds } from "../../src/testing/apiserver/kinds.ts"
import type { MemoryApiServer } from "../../src/testing/MemoryApiServer.ts"
import type { Dice } from "./random.ts"
import { endAgent, type World } from "./world.ts"

/** Scheduler and kubelets: what becomes of pods, with room for so many. They see the truth and make no mistakes. */

export interface Kubelets {
  room: number
  /** A scheduling gate holds every new pod. */
  gated: boolean
  /** Pods on a node that is cut off. */
  readonly cutOff: Set<string>
}

const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z")

const kind = kinds.find(({ plural }) => plural === "pods")!
const place = (name: string) => ({ kind, namespace: "default", name })

/** Past the API server's rules for writes: what kubelets write is not what is tested here. */
const write = ({ store }: MemoryApiServer, name: string, change: (pod: Pod) => object): void => {
  const live = store.get(kind, "default", name)
  if (live === undefined) return
  const pod = live.object as unknown as Pod
  store.commit(place(name), (resourceVersion) => ({
    object: { ...live.object, ...change(pod), metadata: { ...pod.metadata, resourceVersion } },
    ownership: live.ownership
  }))
}

const remove = ({ store }: MemoryApiServer, name: string): void => {
  store.commit(place(name), () => undefined)
}

const conditionsOf = (now: number, ...conditions: ReadonlyArray<readonly [type: string, status: string, reason?: string, message?: string]>) =>
  conditions.map(([type, status, reason, message]) => ({
    type, status, lastTransitionTime: iso(now), ...(reason === undefined ? {} : { reason, message })
  }))

/** `reason`: why no node takes it. */
const schedule = (server: MemoryApiServer, pod: Pod, world: World, reason: string | undefined): boolean => {
  const { name } = pod.metadata
  if (reason === undefined) {
    write(server, name, ({ spec }) => ({ spec: { ...spec, nodeName: "n1" } }))
    write(server, name, () => ({ status: { phase: "Pending", conditions: conditionsOf(world.now, ["PodScheduled", "True"]) } }))
    return true
  }
  if (pod.status?.conditions?.[0]?.reason !== reason) {
    write(server, name, () => ({ status: { phase: "Pending", conditions: conditionsOf(world.now, ["PodScheduled", "False", reason, "it waits"]) } }))
  }
  return false
}

const run = (server: MemoryApiServer, pod: Pod, world: World, dice: Dice): void => {
  const { name } = pod.metadata
  const agent = world.agents.get(name)
  const statusOf = (ready: boolean) => ({
    phase: "Running",
    conditions: conditionsOf(world.now, ["PodScheduled", "True"], ["Ready", ready ? "True" : "False"]),
    containerStatuses: [{ name: "agent", ready, restartCount: 0, state: { running: { startedAt: iso(world.now) } } }]
  })
  if (agent === undefined) {
    if (dice.chance(0.5)) return
    world.agents.set(name, { pod: name, readyAt: world.now + dice.between(0, 4_000), busyUntil: undefined, drainUntil: 0, silent: false })
    write(server, name, () => ({ status: statusOf(false) }))
  } else if (world.now >= agent.readyAt && pod.status?.containerStatuses?.[0]?.ready === false) {
    write(server, name, () => ({ status: statusOf(true) }))
  }
}

export const stepKubelets = (server: MemoryApiServer, kubelets: Kubelets, world: World, dice: Dice): void => {
  const pods = server.store.list(kind, "default").map(({ object }) => object as unknown as Pod)
  let free = kubelets.room - pods.filter((pod) => pod.spec.nodeName !== undefined && pod.status?.phase !== "Failed").length
  for (const pod of pods) {
    const { name } = pod.metadata
    if (kubelets.cutOff.has(name)) continue
    if (pod.metadata.deletionTimestamp !== undefined) {
      endAgent(world, name, true)
      remove(server, name)
    } else if (pod.status?.phase === "Failed") continue
    else if (pod.spec.nodeName !== undefined) run(server, pod, world, dice)
    else if (schedule(server, pod, world, kubelets.gated ? "SchedulingGated" : free > 0 ? undefined : "Unschedulable")) free -= 1
  }
  // What is gone from the API is gone from the node, once the node hears of it.
  const present = new Set(pods.map(({ metadata }) => metadata.name))
  for (const name of world.agents.keys()) if (!present.has(name) && !kubelets.cutOff.has(name)) endAgent(world, name, true)
}

/** A pod ends for good: a GPU that fails, an eviction. */
export const failPod = (server: MemoryApiServer, world: World, pod: Pod, reason: string): void => {
  endAgent(world, pod.metadata.name, false)
  write(server, pod.metadata.name, () => ({ status: { phase: "Failed", reason } }))
}
