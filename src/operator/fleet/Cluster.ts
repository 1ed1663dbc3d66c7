import { Context, Effect, Layer, Stream } from "effect"
import { type KubeClient } from "../../platform/kubernetes/KubeClient.ts"
import { type Reflector, reflect } from "../../platform/kubernetes/Reflector.ts"
import { gpuPools, type Pod, pods, type StoredGpuPool } from "../../platform/kubernetes/resources.ts"
import { poolLabel, slotLabel } from "./podNames.ts"

/**
 * Copies of all pools and of all their pods. They are kept by an operator that only stands by, too, so that one that takes
 * over knows at once what the other knew: also which pod was last in each slot (job-log rule 20).
 */
export class Cluster extends Context.Service<Cluster, {
  readonly pools: Reflector<StoredGpuPool>
  readonly pods: Reflector<Pod>
  /** UID of the pod that was last seen in a slot of the pool with this UID; of a slot never used, what stands for it. */
  readonly lastIn: (poolUid: string, slot: number, otherwise: string) => string
}>()("darkroom/operator/fleet/Cluster") {
  static readonly layer: Layer.Layer<Cluster, never, KubeClient> = Layer.effect(Cluster, Effect.suspend(() => make))
}

const keyOf = (poolUid: string, slot: string): string => `${poolUid}/${slot}`

const make = Effect.gen(function*() {
  const reflectedPools = yield* reflect(gpuPools)
  const reflectedPods = yield* reflect(pods, { labelSelector: poolLabel })
  const lastUids = new Map<string, string>()
  const bases = new Map<string, string>()

  const isGone = (poolUid: string) => (key: string) => key.startsWith(`${poolUid}/`)

  yield* reflectedPods.changes.pipe(
    Stream.runForEach(({ object: { metadata } }) =>
      Effect.sync(() => {
        for (const { uid } of metadata.ownerReferences ?? []) {
          lastUids.set(keyOf(uid, metadata.labels?.[slotLabel] ?? ""), metadata.uid)
        }
      })
    ),
    Effect.forkScoped
  )
  yield* reflectedPools.changes.pipe(
    Stream.filter(({ type }) => type === "deleted"),
    Stream.runForEach(({ object: { metadata: { uid } } }) =>
      Effect.sync(() => {
        bases.delete(uid)
        for (const key of [...lastUids.keys()].filter(isGone(uid))) lastUids.delete(key)
      })
    ),
    Effect.forkScoped
  )

  const lastIn = (poolUid: string, slot: number, otherwise: string): string => {
    const seen = lastUids.get(keyOf(poolUid, String(slot)))
    if (seen !== undefined) return seen
    // Once said it stays, so that a creation whose answer was lost is repeated under the same name.
    const base = bases.get(poolUid) ?? `${poolUid}/${otherwise}`
    bases.set(poolUid, base)
    return base
  }

  return Cluster.of({ pools: reflectedPools, pods: reflectedPods, lastIn })
})
