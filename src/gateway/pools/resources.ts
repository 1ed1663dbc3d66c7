import { Effect, Layer, Schedule } from "effect"
import type { GpuPool } from "../../contract/GpuPool.ts"
import { KubeClient } from "../../platform/kubernetes/KubeClient.ts"
import type { KubeError } from "../../platform/kubernetes/errors.ts"
import { reflect } from "../../platform/kubernetes/Reflector.ts"
import { gpuPools } from "../../platform/kubernetes/resources.ts"
import { PoolUnknown, ReplicasAboveCeiling } from "../../platform/pools/PoolFile.ts"
import { GatewayConfig } from "../config.ts"
import { PoolRefused, PoolRegistry, PoolsForbidden, PoolsUnavailable, type PoolView } from "./PoolRegistry.ts"

/** Pools of a cluster: the custom resources GpuPool of this gateway's namespace. */

/** One that is being deleted takes nothing new; its queued jobs are the sweeper's to move (job-log rule 24). */
const isServing = (pool: GpuPool): boolean => pool.metadata.deletionTimestamp === undefined

const viewOf = ({ metadata: { name }, spec, status }: GpuPool): PoolView => ({
  name,
  spec,
  status,
  lanesReadyFor: status?.lanesReadyFor ?? []
})

export interface ScalePlan {
  readonly replicas: number
  readonly maxReplicas: number
}

/** Raises the pool's own ceiling up to the gateway's; `undefined`: above what may be asked for. Pure. */
export const planScale = (pool: Pick<GpuPool, "spec">, replicas: number, ceiling: number): ScalePlan | undefined => {
  const { maxReplicas } = pool.spec
  if (replicas <= maxReplicas) return { replicas, maxReplicas }
  return replicas <= ceiling ? { replicas, maxReplicas: replicas } : undefined
}

const firstListWaitMs = 2_000
/** Somebody else wrote the pool between the read and the patch; with the version named, theirs is never overwritten. */
const conflictTriesMax = 5

const mayPassSoon = ({ _tag }: { readonly _tag: string }): boolean =>
  _tag === "ApiConflict" || _tag === "ApiThrottled" || _tag === "ApiUnavailable"

const rights = "The gateway's service account needs the verbs get and patch on gpupools.darkroom.dev."

const unavailable = (error: KubeError) => new PoolsUnavailable({ message: `the GpuPool could not be changed: ${error.message}` })

export const layerResources = Layer.effect(
  PoolRegistry,
  Effect.gen(function*() {
    const client = yield* KubeClient
    const { replicasCeiling } = yield* GatewayConfig
    const pools = yield* reflect(gpuPools, {})

    // Before the first list nothing is known: then there are no pools, which the sweeper takes for "cannot be looked up".
    const known = pools.all.pipe(Effect.timeoutOrElse({ duration: firstListWaitMs, orElse: () => Effect.succeed([]) }))

    const scaleOnce = Effect.fnUntraced(function*(name: string, replicas: number) {
      const pool = yield* client.get(gpuPools, name)
      const planned = planScale(pool, replicas, replicasCeiling)
      if (planned === undefined) {
        return yield* new ReplicasAboveCeiling({ pool: name, replicas, ceiling: Math.max(replicasCeiling, pool.spec.maxReplicas) })
      }
      return yield* client.patch(gpuPools, name, {
        metadata: { resourceVersion: pool.metadata.resourceVersion },
        spec: planned
      })
    })

    const unknown = (name: string) =>
      Effect.flatMap(known, (all) =>
        new PoolUnknown({ pool: name, known: all.map(({ metadata }) => metadata.name).filter((one) => one !== name) }))

    const scale = Effect.fn("PoolRegistry.scale")((name: string, replicas: number) =>
      scaleOnce(name, replicas).pipe(
        Effect.retry({
          while: mayPassSoon,
          times: conflictTriesMax - 1,
          schedule: Schedule.exponential("20 millis").pipe(Schedule.jittered)
        }),
        Effect.map(viewOf),
        Effect.catchTags({
          ApiNotFound: () => unknown(name),
          ApiInvalid: ({ reason }) => Effect.fail(new PoolRefused({ message: reason })),
          ApiForbidden: ({ message }) => Effect.fail(new PoolsForbidden({ message: `the GpuPool could not be changed: ${message} ${rights}` }))
        }),
        Effect.catchTag(["ApiConflict", "ApiExists", "ApiGone", "ApiThrottled", "ApiUnavailable"], (error) => Effect.fail(unavailable(error)))
      )
    )

    return PoolRegistry.of({
      all: Effect.map(known, (all) => all.filter(isServing).map(viewOf)),
      isKnown: pools.synced.pipe(Effect.as(true), Effect.timeoutOrElse({ duration: 0, orElse: () => Effect.succeed(false) })),
      scale
    })
  })
)
