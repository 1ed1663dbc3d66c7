import { Clock, Effect, FiberMap, Layer, Stream } from "effect"
import { EventRecorder } from "../platform/kubernetes/EventRecorder.ts"
import { retryAfterMsOf } from "../platform/kubernetes/errors.ts"
import { KubeClient } from "../platform/kubernetes/KubeClient.ts"
import type { Change } from "../platform/kubernetes/Reflector.ts"
import { keyOf, type StoredGpuPool } from "../platform/kubernetes/resources.ts"
import { Lanes } from "../platform/nats/Lanes.ts"
import { runController } from "./controller/Controller.ts"
import { makeWorkQueue } from "./controller/WorkQueue.ts"
import { Cluster } from "./fleet/Cluster.ts"
import { poolLabel } from "./fleet/podNames.ts"
import { AgentPods } from "./fleet/pods.ts"
import { OperatorMetrics } from "./health/OperatorMetrics.ts"
import { makePoolPods, type PoolPods } from "./reconcile/PoolPods.ts"
import { PoolObjects } from "./reconcile/PoolObjects.ts"
import type { PodSettings } from "./reconcile/podSpec.ts"

/** One time in office of the operator: from winning the lease to losing it. */

export interface OperatorSettings extends PodSettings {
  /** Name of this operator among several: its pod's. */
  readonly identity: string
  /** Pools reconciled at the same time. */
  readonly concurrency: number
}

/** Wake-ups come with every job, and a pool is read with a dozen requests: the first is followed at once, others together. */
const reconcilesApartMs = 100
/** A wake-up that cannot be listened for is asked for again; meanwhile the regular look finds the job. */
const listenAgainAfter = "1 second"

/** What the operator itself writes (the status) is no reason to look again. */
const isNews = ({ before, object, type }: Change<StoredGpuPool>): boolean => {
  if (type !== "modified" || before === undefined) return true
  const [was, is] = [before.metadata, object.metadata]
  return was.uid !== is.uid || was.generation !== is.generation || was.deletionTimestamp !== is.deletionTimestamp ||
    (was.finalizers ?? []).join() !== (is.finalizers ?? []).join()
}

interface Known {
  readonly uid: string
  readonly pods: PoolPods
}

const control = Effect.fnUntraced(function*(settings: OperatorSettings) {
  const { namespace } = yield* KubeClient
  const cluster = yield* Cluster
  const agents = yield* AgentPods
  const lanes = yield* Lanes
  const metrics = yield* OperatorMetrics
  const queue = yield* makeWorkQueue({ apartMs: reconcilesApartMs })
  const wakes = yield* FiberMap.make<string>()
  const known = new Map<string, Known>()

  const listen = (pool: string) =>
    lanes.wakes(pool).pipe(
      Stream.runForEach(() =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          metrics.woken(pool, now)
          return queue.add(pool, "high")
        })
      ),
      Effect.ignore,
      Effect.andThen(Effect.sleep(listenAgainAfter)),
      Effect.forever
    )

  const poolPods = Effect.fnUntraced(function*(pool: StoredGpuPool) {
    const { name, uid } = pool.metadata
    const found = known.get(name)
    if (found?.uid === uid) return found.pods
    if (found !== undefined) yield* agents.forget(found.uid)
    const made = yield* makePoolPods(pool, settings)
    known.set(name, { uid, pods: made })
    if (!FiberMap.hasUnsafe(wakes, name)) yield* FiberMap.run(wakes, name, listen(name))
    return made
  })

  const forget = Effect.fnUntraced(function*(name: string) {
    const found = known.get(name)
    known.delete(name)
    metrics.forget(name)
    if (found !== undefined) yield* agents.forget(found.uid)
    yield* FiberMap.remove(wakes, name)
  })

  const reconcile = Effect.fnUntraced(function*(name: string) {
    metrics.queue(yield* queue.waiting)
    const pool = yield* cluster.pools.get(keyOf({ metadata: { name, namespace } }))
    if (pool === undefined) return yield* Effect.as(forget(name), undefined)
    return yield* (yield* poolPods(pool)).reconcile(pool)
  })

  yield* cluster.pools.changes.pipe(
    Stream.filter(isNews),
    Stream.runForEach(({ object }) => queue.add(object.metadata.name, "high")),
    Effect.forkScoped
  )
  yield* cluster.pods.changes.pipe(
    Stream.runForEach(({ object }) => queue.add(object.metadata.labels?.[poolLabel] ?? "", "low")),
    Effect.forkScoped
  )
  return yield* runController({
    name: "GpuPool",
    queue,
    concurrency: settings.concurrency,
    reconcile,
    onReconciled: metrics.reconciled,
    isOrdinary: (error) => error._tag === "ApiConflict",
    retryAfterMs: retryAfterMsOf
  })
})

/** Runs until it is interrupted. What it writes with is the KubeClient around it: the lease's, which stops with the lease. */
export const operate = Effect.fnUntraced(function*(settings: OperatorSettings) {
  const cluster = yield* Cluster
  // Nothing is decided from half a picture, or from one of before the last leader's writes.
  yield* cluster.pools.refreshed
  yield* cluster.pods.refreshed
  const term = Layer.mergeAll(
    AgentPods.layer(settings),
    PoolObjects.layer,
    EventRecorder.layer("darkroom-operator", settings.identity)
  )
  return yield* Effect.scoped(Effect.provide(control(settings), Layer.fresh(term)))
})
