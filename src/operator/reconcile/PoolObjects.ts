import { Context, Effect, Layer } from "effect"
import type { GpuPoolStatus } from "../../contract/GpuPool.ts"
import type { KubeError } from "../../platform/kubernetes/errors.ts"
import { KubeClient } from "../../platform/kubernetes/KubeClient.ts"
import { gpuPools, type StoredGpuPool } from "../../platform/kubernetes/resources.ts"
import { fieldManager } from "../fleet/podNames.ts"

/** Holds a pool that is being deleted until nothing of it is left: no pod, no job, no lane. */
export const lanesFinalizer = "darkroom.dev/lanes"

export const hasFinalizer = (pool: StoredGpuPool): boolean => pool.metadata.finalizers?.includes(lanesFinalizer) === true

/** What the operator writes to GpuPools: their status, and its own finalizer. Never their spec. */
export class PoolObjects extends Context.Service<PoolObjects, {
  /** Gives the pool as it is with that status: the version to write against next. */
  readonly writeStatus: (pool: StoredGpuPool, status: GpuPoolStatus) => Effect.Effect<StoredGpuPool, KubeError>
  readonly addFinalizer: (pool: StoredGpuPool) => Effect.Effect<void, KubeError>
  readonly removeFinalizer: (pool: StoredGpuPool) => Effect.Effect<void, KubeError>
}>()("darkroom/operator/reconcile/PoolObjects") {
  static readonly layer = Layer.effect(PoolObjects, Effect.suspend(() => make))
}

const make = Effect.gen(function*() {
  const client = yield* KubeClient

  /** Against exactly the version that was read: a list is replaced as a whole, and others have finalizers too. */
  const setFinalizers = (pool: StoredGpuPool, finalizers: ReadonlyArray<string>) =>
    client.patch(gpuPools, pool.metadata.name, {
      metadata: { uid: pool.metadata.uid, resourceVersion: pool.metadata.resourceVersion, finalizers }
    }, { fieldManager })

  return PoolObjects.of({
    writeStatus: Effect.fn("PoolObjects.writeStatus")((pool: StoredGpuPool, status: GpuPoolStatus) =>
      client.apply(gpuPools, { metadata: { name: pool.metadata.name, uid: pool.metadata.uid }, status }, {
        fieldManager,
        force: true,
        subresource: "status"
      }).pipe(
        // It was deleted, or made anew under the same name, meanwhile.
        Effect.catchTags({ ApiNotFound: () => Effect.succeed(pool), ApiConflict: () => Effect.succeed(pool) })
      )),
    addFinalizer: Effect.fn("PoolObjects.addFinalizer")((pool: StoredGpuPool) =>
      Effect.asVoid(setFinalizers(pool, [...(pool.metadata.finalizers ?? []), lanesFinalizer]))),
    removeFinalizer: Effect.fn("PoolObjects.removeFinalizer")((pool: StoredGpuPool) =>
      setFinalizers(pool, (pool.metadata.finalizers ?? []).filter((name) => name !== lanesFinalizer)).pipe(
        Effect.asVoid,
        Effect.catchTag("ApiNotFound", () => Effect.void)
      ))
  })
})
