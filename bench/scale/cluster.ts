import { Effect, Layer, Stream } from "effect"
import { poolLabel } from "../../src/operator/fleet/podNames.ts"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import { type Reflector, reflect } from "../../src/platform/kubernetes/Reflector.ts"
import { type Pod, pods } from "../../src/platform/kubernetes/resources.ts"
import { namespace } from "../../test/e2e/support/cluster.ts"
import { Gateway } from "../../test/e2e/support/gateway.ts"
import { getPool, patchPool } from "../../test/e2e/support/pools.ts"

/**
 * From a photo sent to a pool at zero to the edited photo, on the cluster of `scripts/cluster` with Darkroom in it: real
 * kubelet, image in the node's store, starter model, through the Ingress. One at a time, each from zero.
 */

export interface EditSample {
  /** Milliseconds from sending the request; a pod is seen by a watch of the bench. */
  readonly podMs: number
  readonly runningMs: number
  readonly imageMs: number
}

/** DEFAULT_EDIT_POOL of manifests/overlays/kind. */
const pool = "starter"
const prompt = "make the orange suit blue"
const zeroLimitMs = 120_000
/** So that it soon is at zero again. */
const cooldown = "1s"

interface Seen {
  createdAt: number | undefined
  runningAt: number | undefined
}

const ofPool = ({ metadata }: Pod): boolean => metadata.labels?.[poolLabel] === pool

const runs = ({ status }: Pod): boolean => status?.containerStatuses?.some(({ state }) => state?.running !== undefined) === true

/** When the first pod of the pool was there, and when its container ran, since `seen` was emptied. */
const watchPods = (all: Reflector<Pod>, seen: Seen) =>
  all.changes.pipe(
    Stream.filter(({ object, type }) => type !== "deleted" && ofPool(object) && object.metadata.deletionTimestamp === undefined),
    Stream.runForEach(({ object }) =>
      Effect.sync(() => {
        seen.createdAt ??= performance.now()
        if (runs(object)) seen.runningAt ??= performance.now()
      }))
  )

const atZero = Effect.fnUntraced(function*(all: Reflector<Pod>) {
  const deadline = performance.now() + zeroLimitMs
  while (performance.now() < deadline) {
    const status = (yield* Effect.promise(() => getPool(pool))).status
    if (!(yield* all.all).some(ofPool) && status?.state === "SCALED_TO_ZERO" && status.queue.depth === 0) return
    yield* Effect.sleep("200 millis")
  }
  throw new Error(`the pool ${pool} did not go back to zero within ${zeroLimitMs} ms`)
})

const edit = Effect.fnUntraced(function*(gateway: Gateway, seen: Seen, index: number) {
  seen.createdAt = undefined
  seen.runningAt = undefined
  const sent = performance.now()
  const { body, status } = yield* Effect.promise(() => gateway.edit(prompt, { seed: index }))
  const imageMs = performance.now() - sent
  if (status !== 200 || body.status !== "completed") throw new Error(`invalid run: ${status} ${JSON.stringify(body).slice(0, 500)}`)
  if (seen.createdAt === undefined || seen.runningAt === undefined) throw new Error(`invalid run: no pod of ${pool} was seen to run for the job`)
  return { podMs: seen.createdAt - sent, runningMs: seen.runningAt - sent, imageMs } satisfies EditSample as EditSample
})

/** The environment is that of `scripts/cluster env`. */
export const measureEdits = Effect.fnUntraced(function*(samples: number) {
  process.env["KUBE_NAMESPACE"] = namespace
  const client = yield* Layer.build(KubeClient.layer("darkroom-bench"))
  const all = yield* Effect.provide(reflect(pods, { labelSelector: poolLabel }), client)
  const seen: Seen = { createdAt: undefined, runningAt: undefined }
  yield* Effect.forkScoped(watchPods(all, seen))
  const gateway = yield* Effect.promise(() => Gateway.connect())
  yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const { spec: { scaling } } = await getPool(pool)
      await patchPool(pool, { scaling: { cooldown } })
      return scaling
    }),
    (scaling) => Effect.promise(() => patchPool(pool, { scaling }))
  )
  const edits: Array<EditSample> = []
  for (let index = 0; index <= samples; index++) {
    yield* atZero(all)
    const one = yield* edit(gateway, seen, index)
    // The first one brings the image into the page cache.
    if (index > 0) edits.push(one)
  }
  return edits
})
