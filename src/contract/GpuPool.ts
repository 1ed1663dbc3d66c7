import { Effect, Schema } from "effect"
import { Timestamp } from "./Job.ts"

/** The custom resource `gpupools.darkroom.dev/v1alpha1`; on one machine the same document is `pool.yaml`. */

/** Kubernetes-style duration: `90s`, `15m`, `1h30m`, `500ms`. */
export const DurationText = Schema.String.check(
  Schema.isMaxLength(32),
  Schema.isPattern(/^(\d+(ms|s|m|h))+$/u, { expected: "a duration such as 90s, 15m or 1h30m" })
)

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

export const durationMs = (text: string): number => {
  let totalMs = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * unitMs[unit as keyof typeof unitMs]
  }
  return totalMs
}

/** The descriptions below are what `kubectl explain gpupool` shows, and an editor that knows docs/schema/gpu-pool.json. */
const count = (minimum: number, description: string) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum: 10_000 })).annotate({ description })
const duration = (description: string) => DurationText.annotate({ description })
const text = (description: string) => Schema.String.annotate({ description })
const withDefault = <S extends Schema.Codec<any, any>>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

const Scaling = Schema.Struct({
  mode: withDefault(
    Schema.Literals(["Queue", "External"]).annotate({
      description: "Queue: as many replicas as the waiting jobs need. External: exactly spec.replicas, set by an HPA, KEDA or kubectl scale."
    }),
    "Queue"
  ),
  jobsPerReplica: withDefault(count(1, "Waiting and running jobs that one replica is to stand for."), 1),
  warmSpare: withDefault(count(0, "Idle replicas kept on top of the demand while there is any."), 0),
  cooldown: withDefault(duration("Idle time before a replica above the floor is removed."), "300s"),
  lastPodRetention: withDefault(duration("Idle time before the last replica goes, when longer than the cooldown."), "0s"),
  spillAfter: withDefault(
    duration("A queued job may move to another pool that serves its model after this long. 0s: never."),
    "0s"
  ),
  fallback: Schema.optionalKey(
    Schema.Struct({
      afterFailures: count(1, "Measures in a row that could not read the queue."),
      replicas: count(0, "Replicas to keep at least while the queue cannot be read.")
    }).annotate({ description: "What to run while the queue cannot be read. Without it, what runs stays." })
  )
}).annotate({ description: "How the number of replicas follows the work." })

const StringMap = Schema.Record(Schema.String, Schema.String)
const AnyObject = Schema.Record(Schema.String, Schema.Unknown)

const Placement = Schema.Struct({
  gpu: withDefault(
    Schema.Struct({
      count: withDefault(count(0, "GPUs of one replica (resource nvidia.com/gpu). 0: a replica on CPUs."), 1),
      product: withDefault(
        text("Model of GPU: nodes whose label nvidia.com/gpu.product names it. Empty: any."),
        "H100"
      )
    }).annotate({ description: "The GPUs of one replica." }),
    {}
  ),
  nodeSelector: Schema.optionalKey(StringMap.annotate({ description: "Labels that a node must have." })),
  tolerations: Schema.optionalKey(
    Schema.Array(AnyObject).annotate({ description: "Taints that are tolerated, as in a pod's spec." })
  ),
  resourceClaimTemplateName: Schema.optionalKey(
    text("A ResourceClaimTemplate of the namespace: GPUs by dynamic resource allocation instead of nvidia.com/gpu.")
  ),
  topologyKey: Schema.optionalKey(text("Node label over which replicas are spread, such as topology.kubernetes.io/zone.")),
  queueName: Schema.optionalKey(text("LocalQueue of Kueue that admits the pods."))
}).annotate({ description: "Where replicas may run." })

const ModelCache = Schema.Struct({
  type: Schema.Literals(["PersistentVolumeClaim", "ImageVolume"]).annotate({ description: "What holds the models." }),
  claimName: Schema.optionalKey(
    Schema.NonEmptyString.annotate({ description: "For PersistentVolumeClaim: a claim that many pods can read." })
  ),
  reference: Schema.optionalKey(
    Schema.String.check(
      Schema.isMaxLength(512),
      Schema.isPattern(/@sha256:[0-9a-f]{64}$/u, { expected: "an image reference that ends in @sha256:…" })
    ).annotate({ description: "For ImageVolume: an OCI image by digest, because a tag could change under a running pool." })
  )
}).annotate({ description: "Where agents find their models, mounted read-only at /models. Without it: those in the agent's image." }).check(
  Schema.makeFilter((cache) =>
    cache.type === "PersistentVolumeClaim"
      ? cache.claimName === undefined ? { path: ["claimName"], issue: "claimName is needed for a PersistentVolumeClaim" } : undefined
      : cache.reference === undefined ? { path: ["reference"], issue: "reference is needed for an ImageVolume" } : undefined
  )
)

const Template = Schema.Struct({
  metadata: Schema.optionalKey(
    Schema.Struct({
      labels: Schema.optionalKey(StringMap.annotate({ description: "Further labels." })),
      annotations: Schema.optionalKey(StringMap.annotate({ description: "Further annotations." }))
    }).annotate({ description: "Of every pod." })
  ),
  spec: Schema.optionalKey(
    AnyObject.annotate({ description: "A PodSpec; the container named agent is completed, others are kept as they are." })
  )
}).annotate({ description: "What the pods look like; the operator's own fields win where they must." })

const Lifecycle = Schema.Struct({
  drainTimeout: withDefault(duration("How long a busy replica that is to go may still work."), "900s"),
  startupTimeout: withDefault(
    duration("A pod on a node that is not ready after this long is replaced. One that no node takes is kept."),
    "1200s"
  ),
  maxPodFailures: withDefault(count(1, "Failed pods in a row after which the pool is UNHEALTHY; new ones then come rarely."), 5)
}).annotate({ description: "Starts and ends of replicas." })

export const GpuPoolSpec = Schema.Struct({
  replicas: withDefault(
    count(0, "In mode Queue the floor to keep running, in mode External the exact count. Set by /api/gpu/scale and kubectl scale."),
    0
  ),
  maxReplicas: withDefault(count(0, "Never more replicas than this."), 1),
  models: Schema.Array(Schema.NonEmptyString).check(Schema.isMinLength(1)).annotate({
    description: "Models that the pool serves, the one to load at the start first."
  }),
  scaling: withDefault(Scaling, {}),
  placement: withDefault(Placement, {}),
  modelCache: Schema.optionalKey(ModelCache),
  lifecycle: withDefault(Lifecycle, {}),
  paused: withDefault(
    Schema.Literals(["", "All", "In", "Out"]).annotate({
      description: "Stops scaling in (In), out (Out) or both (All). What runs goes on working."
    }),
    ""
  ),
  template: Schema.optionalKey(Template)
}).annotate({ description: "What is wanted." }).check(
  Schema.makeFilter((spec) =>
    spec.replicas <= spec.maxReplicas
      ? undefined
      : { path: ["replicas"], issue: `replicas (${spec.replicas}) must not exceed maxReplicas (${spec.maxReplicas})` }
  )
)
export type GpuPoolSpec = typeof GpuPoolSpec.Type

export const Condition = Schema.Struct({
  type: text("Ready, …: docs/gpupool.md has them all."),
  status: Schema.Literals(["True", "False", "Unknown"]).annotate({ description: "Whether it holds." }),
  reason: text("One word for programs."),
  message: text("A sentence for people."),
  lastTransitionTime: Timestamp.annotate({ description: "When status last changed." }),
  observedGeneration: Schema.optionalKey(Schema.Int.annotate({ description: "The generation of the spec that it speaks of." }))
})

/** `state` is the `gpu.status` of `/api/queue`. */
export const PoolState = Schema.Literals(["ACTIVE", "WAKING_UP", "LOADING_MODEL", "SCALED_TO_ZERO", "UNHEALTHY"]).annotate({
  description: "The pool in one word."
})
export type PoolState = typeof PoolState.Type

const whole = (description: string) => Schema.Int.annotate({ description })

export const ColdStart = Schema.Struct({
  scheduledMs: Schema.optionalKey(whole("A node was found.")),
  startedMs: Schema.optionalKey(whole("The image was pulled, the container started.")),
  readyMs: whole("The agent had its model loaded and could take jobs."),
  imageMs: Schema.optionalKey(whole("Of this, between the pod's sandbox (network, volumes) and its container: nearly all of it pulls the image.")),
  modelMs: Schema.optionalKey(whole("Of this, what the agent took to check its models and to load the first, by its own word."))
}).annotate({
  description: "Milliseconds from the creation of the pod that last became ready to each step of its start, and what two of them took."
})

export const GpuPoolStatus = Schema.Struct({
  observedGeneration: Schema.optionalKey(whole("The generation of the spec that was last acted on.")),
  state: PoolState,
  replicas: whole("Pods that are there, without those on their way out."),
  desiredReplicas: whole("Pods wanted now."),
  readyReplicas: whole("Agents that can take jobs or run one."),
  busyReplicas: whole("Agents that run a job."),
  queue: Schema.Struct({
    depth: whole("Jobs of the pool that wait or run."),
    readable: Schema.Boolean.annotate({ description: "False: the queue could not be read, so the pool stays as it is." })
  }).annotate({ description: "What the broker says." }),
  selector: Schema.optionalKey(text("Selects the pool's pods, for the scale subresource.")),
  lanesReadyFor: Schema.Array(Schema.String).annotate({
    description: "Models whose lanes exist, so that jobs may be routed here."
  }),
  models: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        name: text("The model."),
        loadedReplicas: whole("Agents that have it in memory."),
        loadingReplicas: whole("Agents that are loading it."),
        loadedPercent: Schema.optionalKey(whole("While it is being loaded: how much of it those agents have in memory, by bytes."))
      })
    ).annotate({ description: "Models that agents have in memory or are loading, by their own word." })
  ),
  lastColdStartMs: Schema.optionalKey(whole("Milliseconds that the last start of an agent took.")),
  idleReplicas: Schema.optionalKey(whole("Agents that wait for a job.")),
  unschedulableReplicas: Schema.optionalKey(whole("Pods that no node takes now, or that a scheduling gate holds: kept as they are.")),
  terminatingReplicas: Schema.optionalKey(whole("Pods on their way out.")),
  failedReplicas: Schema.optionalKey(whole("Pods that failed and are not replaced yet.")),
  coldStart: Schema.optionalKey(ColdStart),
  lastScale: Schema.optionalKey(
    Schema.Struct({
      at: Timestamp.annotate({ description: "When." }),
      from: whole("Replicas before."),
      to: whole("Replicas wanted then."),
      reason: text("Why.")
    }).annotate({ description: "The last change of desiredReplicas." })
  ),
  conditions: Schema.Array(Condition).annotate({ description: "What holds of the pool, by type." })
}).annotate({ description: "What is." })
export type GpuPoolStatus = typeof GpuPoolStatus.Type

export const GpuPool = Schema.Struct({
  apiVersion: Schema.Literal("darkroom.dev/v1alpha1"),
  kind: Schema.Literal("GpuPool"),
  metadata: Schema.Struct({
    name: Schema.String.check(
      Schema.isPattern(/^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$/u, { expected: "a DNS label of at most 53 characters" })
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
