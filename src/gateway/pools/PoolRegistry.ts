import { Clock, Context, Effect, Layer, Schema } from "effect"
import type { GpuPool, GpuPoolSpec, GpuPoolStatus } from "../../contract/GpuPool.ts"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { type PoolFileError, type PoolUnknown, PoolFile, type ReplicasAboveCeiling } from "../../platform/pools/PoolFile.ts"
import { GatewayConfig } from "../config.ts"

/** A pool as the gateway sees it: what was asked for, and what its fleet last said (nothing for 10 s ⇒ undefined). */
export interface PoolView {
  readonly name: string
  readonly spec: GpuPoolSpec
  readonly status: GpuPoolStatus | undefined
  /** Models whose lanes exist: jobs for them may be routed here. */
  readonly lanesReadyFor: ReadonlyArray<string>
}

/** The place where pools are written down does not answer; nothing was changed. */
export class PoolsUnavailable extends Schema.TaggedError<PoolsUnavailable>()("PoolsUnavailable", { message: Schema.String }) {}

/** The pool cannot be so: in the words of whoever checks it (the resource's own rules, an admission policy). Nothing was changed. */
export class PoolRefused extends Schema.TaggedError<PoolRefused>()("PoolRefused", { message: Schema.String }) {}

/** This gateway may not change pools at all; nothing was changed, and only whoever runs the cluster can mend it. */
export class PoolsForbidden extends Schema.TaggedError<PoolsForbidden>()("PoolsForbidden", { message: Schema.String }) {}

/** A gateway that has just started has not heard the fleet yet; so long it looks at the lanes themselves. */
const listeningMs = 10_000

/** The pools that jobs can be routed to; where they are written down differs between one machine and a cluster. */
export class PoolRegistry extends Context.Service<PoolRegistry, {
  readonly all: Effect.Effect<ReadonlyArray<PoolView>>
  /** False until the pools were read for the first time: then this gateway should get no traffic. */
  readonly isKnown: Effect.Effect<boolean>
  /** Sets the floor of a pool, raising its ceiling when needed. */
  readonly scale: (
    pool: string,
    replicas: number
  ) => Effect.Effect<PoolView, PoolUnknown | ReplicasAboveCeiling | PoolRefused | PoolsForbidden | PoolFileError | PoolsUnavailable>
}>()("darkroom/gateway/PoolRegistry") {
  /** Pools of `pool.yaml`; status as the local fleet announces it over NATS. */
  static readonly layerFile = Layer.effect(
    PoolRegistry,
    Effect.gen(function*() {
      const file = yield* PoolFile
      const presence = yield* Presence
      const config = yield* GatewayConfig

      const lanes = yield* Lanes
      const startedAtMs = yield* Clock.currentTimeMillis

      const lanesWithoutFleet = Effect.gen(function*() {
        const isNew = (yield* Clock.currentTimeMillis) - startedAtMs < listeningMs
        return isNew ? yield* lanes.existing : new Map<string, ReadonlyArray<string>>()
      }).pipe(Effect.catchTag("LogUnavailable", () => Effect.succeed(new Map<string, ReadonlyArray<string>>())))

      const view = Effect.fnUntraced(function*({ metadata: { name }, spec }: Pick<GpuPool, "metadata" | "spec">) {
        const status = (yield* presence.pools).get(name)?.status
        const lanesReadyFor = status?.lanesReadyFor ?? (yield* lanesWithoutFleet).get(name) ?? []
        return { name, spec, status, lanesReadyFor } satisfies PoolView
      })

      const all = Effect.flatMap(file.current, (pools) => Effect.forEach(pools, view))

      const scale = Effect.fn("PoolRegistry.scale")(function*(name: string, replicas: number) {
        return yield* view(yield* file.scale(name, replicas, config.replicasCeiling))
      })

      return PoolRegistry.of({ all, isKnown: Effect.succeed(true), scale })
    })
  )
}
