import { Context, Effect, Layer } from "effect"
import type { GpuPoolSpec, GpuPoolStatus } from "../../contract/GpuPool.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { type PoolFileError, type PoolUnknown, PoolFile, type ReplicasAboveCeiling } from "../../platform/pools/PoolFile.ts"
import { GatewayConfig } from "../config.ts"

/** A pool as the gateway sees it: what was asked for, and what its fleet last said (nothing for 10 s ⇒ undefined). */
export interface PoolView {
  readonly name: string
  readonly spec: GpuPoolSpec
  readonly status: GpuPoolStatus | undefined
}

/** The pools that jobs can be routed to; where they are written down differs between one machine and a cluster. */
export class PoolRegistry extends Context.Service<PoolRegistry, {
  readonly all: Effect.Effect<ReadonlyArray<PoolView>>
  /** Sets the floor of a pool, raising its ceiling when needed. */
  readonly scale: (
    pool: string,
    replicas: number
  ) => Effect.Effect<PoolView, PoolUnknown | ReplicasAboveCeiling | PoolFileError>
}>()("darkroom/gateway/PoolRegistry") {
  /** Pools of `pool.yaml`; status as the local fleet announces it over NATS. */
  static readonly layerFile = Layer.effect(
    PoolRegistry,
    Effect.gen(function*() {
      const file = yield* PoolFile
      const presence = yield* Presence
      const config = yield* GatewayConfig

      const all = Effect.gen(function*() {
        const heard = yield* presence.pools
        return (yield* file.current).map((pool): PoolView => ({
          name: pool.metadata.name,
          spec: pool.spec,
          status: heard.get(pool.metadata.name)?.status
        }))
      })

      const scale = Effect.fn("PoolRegistry.scale")(function*(name: string, replicas: number) {
        const pool = yield* file.scale(name, replicas, config.replicasCeiling)
        const heard = yield* presence.pools
        return { name, spec: pool.spec, status: heard.get(name)?.status }
      })

      return PoolRegistry.of({ all, scale })
    })
  )
}
