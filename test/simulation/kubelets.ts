import { Effect } from "effect"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import { type Pod, pods } from "../../src/platform/kubernetes/resources.ts"
import type { MemoryApiServer } from "../../src/testing/MemoryApiServer.ts"
import type { Dice } from "./random.ts"
import { endAgent, type World } from "./world.ts"

/** Scheduler and kubelets: what becomes of pods, with room for so many. They see the truth and make no mistakes. */

export interface Kubelets {
  room: number
  /** Pods on a node that is cut off. */
  readonly cutOff: Set<string>
}

const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z")

export const clientOf = (server: MemoryApiServer) => {
  const layer = KubeClient.over(server.transport)
  return <A, E>(use: (client: KubeClient["Service"]) => Effect.Effect<A, E>): Effect.Effect<A> =>
    KubeClient.use(use).pipe(Effect.provide(layer), Effect.orDie)
}

export const stepKubelets = Effect.fnUntraced(function*(server: MemoryApiServer, kubelets: Kubelets, world: World, dice: Dice) {
  const use = clientOf(server)
  const { items } = yield* use((client) => client.list(pods))
  const setStatus = (pod: Pod, status: Record<string, unknown>) =>
    use((client) => client.patch(pods, pod.metadata.name, { status }, { subresource: "status" }))
  const condition = (type: string, status: string, more: object = {}) => ({ type, status, lastTransitionTime: iso(world.now), ...more })
  const placed = items.filter((pod) => pod.spec.nodeName !== undefined && pod.status?.phase !== "Failed").length
  let free = kubelets.room - placed

  for (const pod of items) {
    const { name } = pod.metadata
    if (kubelets.cutOff.has(name)) continue
    if (pod.metadata.deletionTimestamp !== undefined) {
      endAgent(world, name, true)
      yield* use((client) => client.delete(pods, name, { gracePeriodSeconds: 0 }))
      continue
    }
    if (pod.status?.phase === "Failed") continue
    if (pod.spec.nodeName === undefined) {
      if (free <= 0) {
        yield* setStatus(pod, { phase: "Pending", conditions: [condition("PodScheduled", "False", { reason: "Unschedulable", message: "no room" })] })
        continue
      }
      free -= 1
      yield* use((client) => client.patch(pods, name, { spec: { nodeName: "n1" } }))
      yield* setStatus(pod, { phase: "Pending", conditions: [condition("PodScheduled", "True")] })
      continue
    }
    const agent = world.agents.get(name)
    if (agent === undefined) {
      if (dice.chance(0.5)) continue
      world.agents.set(name, { pod: name, readyAt: world.now + dice.between(0, 4_000), busyUntil: undefined, drainUntil: 0, silent: false })
      yield* setStatus(pod, {
        phase: "Running",
        conditions: [condition("PodScheduled", "True"), condition("Ready", "False")],
        containerStatuses: [{ name: "agent", ready: false, restartCount: 0, state: { running: { startedAt: iso(world.now) } } }]
      })
    } else if (world.now >= agent.readyAt && pod.status?.containerStatuses?.[0]?.ready === false) {
      yield* setStatus(pod, {
        ...pod.status,
        conditions: [condition("PodScheduled", "True"), condition("Ready", "True")],
        containerStatuses: [{ name: "agent", ready: true, restartCount: 0, state: { running: { startedAt: iso(world.now) } } }]
      })
    }
  }
  // What is gone from the API is gone from the node, once the node hears of it.
  const present = new Set(items.map(({ metadata }) => metadata.name))
  for (const name of world.agents.keys()) if (!present.has(name) && !kubelets.cutOff.has(name)) endAgent(world, name, true)
})

/** A pod ends for good: a GPU that fails, an eviction. */
export const failPod = Effect.fnUntraced(function*(server: MemoryApiServer, world: World, pod: Pod, reason: string) {
  endAgent(world, pod.metadata.name, false)
  yield* clientOf(server)((client) => client.patch(pods, pod.metadata.name, { status: { phase: "Failed", reason } }, { subresource: "status" }))
})
