import { Effect, Schema } from "effect"
import { Timestamp } from "./Job.ts"

/** The custom resource `gpupools.darkroom.dev/v1alpha1`; on one machine the same document is `pool.yaml`. */

/** Kubernetes-style duration: `90s`, `15m`, `1h30m`, `500ms`. */
export const DurationText = Schema.String.check(
  Schema.isPattern(/^(\d+(ms|s|m|h))+$/, { expected: "a duration such as 90s, 15m or 1h30m" })
)

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

export const durationMs = (text: string): number => {
  let totalMs = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * unitMs[unit as keyof typeof unitMs]
  }
  return totalMs
}

const count = (minimum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum: 10_000 }))
const withDefault = <S extends Schema.Codec<any, any>>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

const Scaling = Schema.Struct({
  mode: withDefault(Schema.Literals(["Queue", "External"]), "Queue"),
  jobsPerReplica: withDefault(count(1), 1),
  /** Idle replicas kept on top of the demand while there is any. */
  warmSpare: withDefault(count(0), 0),
  /** Idle time before a replica above the floor is removed. */
  cooldown: withDefault(DurationText, "300s"),
  /** Idle time before the last replica goes, when longer than the cooldown. */
  lastPodRetention: withDefault(DurationText, "0s"),
  /** A queued job may move to another pool that serves its model after this long; `0s` = never. */
  spillAfter: withDefault(DurationText, "0s"),
  fallback: Schema.optionalKey(Schema.Struct({ afterFailures: count(1), replicas: count(0) }))
})

const StringMap = Schema.Record(Schema.String, Schema.String)
const AnyObject = Schema.Record(Schema.String, Schema.Unknown)

const Placement = Schema.Struct({
  /** Extended resource `nvidia.com/gpu` and the node label `nvidia.com/gpu.product`; count 0 = CPU. */
  gpu: withDefault(
    Schema.Struct({ count: withDefault(count(0), 1), product: withDefault(Schema.String, "H100") }),
    {}
  ),
  nodeSelector: Schema.optionalKey(StringMap),
  tolerations: Schema.optionalKey(Schema.Array(AnyObject)),
  /** Dynamic resource allocation instead of the extended resource. */
  resourceClaimTemplateName: Schema.optionalKey(Schema.String),
  /** Spread replicas over this node label. */
  topologyKey: Schema.optionalKey(Schema.String),
  /** Label of Kueue's LocalQueue. */
  queueName: Schema.optionalKey(Schema.String)
})

/** Where agents find their models, mounted read-only at `/models`. */
const ModelCache = Schema.Struct({
  type: Schema.Literals(["PersistentVolumeClaim", "ImageVolume"]),
  claimName: Schema.optionalKey(Schema.NonEmptyString),
  /** An OCI image by digest: a tag could change under a running pool. */
  reference: Schema.optionalKey(Schema.String.check(Schema.isPattern(/@sha256:[0-9a-f]{64}$/, { expected: "an image reference that ends in @sha256:…" })))
}).check(
  Schema.makeFilter((cache) =>
    cache.type === "PersistentVolumeClaim"
      ? cache.claimName === undefined ? { path: ["claimName"], issue: "claimName is needed for a PersistentVolumeClaim" } : undefined
      : cache.reference === undefined ? { path: ["reference"], issue: "reference is needed for an ImageVolume" } : undefined
  )
)

/** What the operator's pods look like, laid over what it writes itself (strategic fields win where they must). */
const Template = Schema.Struct({
  metadata: Schema.optionalKey(Schema.Struct({ labels: Schema.optionalKey(StringMap), annotations: Schema.optionalKey(StringMap) })),
  /** A PodSpec; the container named `agent` is completed, others are kept as they are. */
  spec: Schema.optionalKey(AnyObject)
})

const Lifecycle = Schema.Struct({
  drainTimeout: withDefault(DurationText, "900s"),
  startupTimeout: withDefault(DurationText, "1200s"),
  maxPodFailures: withDefault(count(1), 5)
})

export const GpuPoolSpec = Schema.Struct({
  /** In mode Queue the floor to keep running, in mode External the exact count. Target of `/api/gpu/scale`. */
  replicas: withDefault(count(0), 0),
  maxReplicas: withDefault(count(0), 1),
  models: Schema.Array(Schema.NonEmptyString).check(Schema.isMinLength(1)),
  scaling: withDefault(Scaling, {}),
  placement: withDefault(Placement, {}),
  modelCache: Schema.optionalKey(ModelCache),
  lifecycle: withDefault(Lifecycle, {}),
  paused: withDefault(Schema.Literals(["", "All", "In", "Out"]), ""),
  template: Schema.optionalKey(Template)
}).check(
  Schema.makeFilter((spec) =>
    spec.replicas <= spec.maxReplicas
      ? undefined
      : { path: ["replicas"], issue: `replicas (${spec.replicas}) must not exceed maxReplicas (${spec.maxReplicas})` }
  )
)
export type GpuPoolSpec = typeof GpuPoolSpec.Type

export const Condition = Schema.Struct({
  type: Schema.String,
  status: Schema.Literals(["True", "False", "Unknown"]),
  reason: Schema.String,
  message: Schema.String,
  lastTransitionTime: Timestamp,
  observedGeneration: Schema.optionalKey(Schema.Int)
})

/** `state` is the `gpu.status` of `/api/queue`. */
export const PoolState = Schema.Literals(["ACTIVE", "WAKING_UP", "LOADING_MODEL", "SCALED_TO_ZERO", "UNHEALTHY"])
export type PoolState = typeof PoolState.Type

/** Milliseconds from the creation of the pod that last became ready to each step of its start. */
export const ColdStart = Schema.Struct({
  scheduledMs: Schema.optionalKey(Schema.Int),
  /** Image pulled, container started. */
  startedMs: Schema.optionalKey(Schema.Int),
  readyMs: Schema.Int
})

export const GpuPoolStatus = Schema.Struct({
  observedGeneration: Schema.optionalKey(Schema.Int),
  state: PoolState,
  replicas: Schema.Int,
  desiredReplicas: Schema.Int,
  readyReplicas: Schema.Int,
  busyReplicas: Schema.Int,
  queue: Schema.Struct({ depth: Schema.Int, readable: Schema.Boolean }),
  selector: Schema.optionalKey(Schema.String),
  /** The lanes of these models exist, so jobs may be routed here. */
  lanesReadyFor: Schema.Array(Schema.String),
  lastColdStartMs: Schema.optionalKey(Schema.Int),
  idleReplicas: Schema.optionalKey(Schema.Int),
  /** Pods that no node takes now, or that a scheduling gate holds: kept as they are. */
  unschedulableReplicas: Schema.optionalKey(Schema.Int),
  terminatingReplicas: Schema.optionalKey(Schema.Int),
  failedReplicas: Schema.optionalKey(Schema.Int),
  coldStart: Schema.optionalKey(ColdStart),
  lastScale: Schema.optionalKey(
    Schema.Struct({ at: Timestamp, from: Schema.Int, to: Schema.Int, reason: Schema.String })
  ),
  conditions: Schema.Array(Condition)
})
export type GpuPoolStatus = typeof GpuPoolStatus.Type

export const GpuPool = Schema.Struct({
  apiVersion: Schema.Literal("darkroom.dev/v1alpha1"),
  kind: Schema.Literal("GpuPool"),
  metadata: Schema.Struct({
    name: Schema.String.check(
      Schema.isPattern(/^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$/, { expected: "a DNS label of at most 53 characters" })
    ),
    namespace: Schema.optionalKey(Schema.String),
    generation: Schema.optionalKey(Schema.Int),
    uid: Schema.optionalKey(Schema.String),
    resourceVersion: Schema.optionalKey(Schema.String),
    deletionTimestamp: Schema.optionalKey(Schema.String),
    finalizers: Schema.optionalKey(Schema.Array(Schema.String)),
    labels: Schema.optionalKey(StringMap),
    annotations: Schema.optionalKey(StringMap)
  }),
  spec: GpuPoolSpec,
  status: Schema.optionalKey(GpuPoolStatus)
})
export type GpuPool = typeof GpuPool.Type

/** `pools.<pool>`: what the local fleet tells gateways every heartbeat interval; in a cluster it is read from the resource. */
export const PoolStatusMessage = Schema.Struct({ pool: Schema.String, at: Timestamp, status: GpuPoolStatus })
export type PoolStatusMessage = typeof PoolStatusMessage.Type
