import { Effect, Schema } from "effect"
import { GpuPool } from "../../contract/GpuPool.ts"

/** The kinds of objects that Darkroom reads and writes, as far as it looks at them. Nothing here talks to a server. */

const Text = Schema.optionalKey(Schema.String)
const TextMap = Schema.optionalKey(Schema.Record(Schema.String, Schema.String))

export const OwnerReference = Schema.Struct({
  apiVersion: Schema.String,
  kind: Schema.String,
  name: Schema.String,
  uid: Schema.String,
  controller: Schema.optionalKey(Schema.Boolean),
  blockOwnerDeletion: Schema.optionalKey(Schema.Boolean)
})

/** `metadata` of an object that the API server has stored. Times are RFC 3339. */
export const ObjectMeta = Schema.Struct({
  name: Schema.String,
  namespace: Text,
  uid: Schema.String,
  /** "" in the answer to a dry run. */
  resourceVersion: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed(""))),
  generation: Schema.optionalKey(Schema.Int),
  labels: TextMap,
  annotations: TextMap,
  ownerReferences: Schema.optionalKey(Schema.Array(OwnerReference)),
  finalizers: Schema.optionalKey(Schema.Array(Schema.String)),
  creationTimestamp: Text,
  deletionTimestamp: Text,
  deletionGracePeriodSeconds: Schema.optionalKey(Schema.Int)
})
export type ObjectMeta = typeof ObjectMeta.Type

export interface KubeObject {
  readonly metadata: ObjectMeta
}

/** One kind of object: where it lives and how to read it. */
export interface Resource<A extends KubeObject> {
  /** "" for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: true
  /** Its requests do not wait behind those of other resources. */
  readonly urgent?: true
  readonly decode: (value: unknown) => Effect.Effect<A, Schema.SchemaError>
}

/** An object to be written; `apiVersion` and `kind` are added from its resource. */
export interface Draft {
  readonly metadata: { readonly name: string; readonly [key: string]: unknown }
  readonly [key: string]: unknown
}

export type Subresource = "status" | "scale"

export const apiVersionOf = (resource: Resource<KubeObject>): string =>
  resource.group === "" ? resource.version : `${resource.group}/${resource.version}`

/** Path of a collection, an object or one of its subresources, without the server. */
export const pathOf = (resource: Resource<KubeObject>, namespace: string, name?: string, subresource?: Subresource): string => {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  const parts = [root, "namespaces", encodeURIComponent(namespace), resource.plural]
  if (name !== undefined) parts.push(encodeURIComponent(name))
  if (name !== undefined && subresource !== undefined) parts.push(subresource)
  return parts.join("/")
}

/** `namespace/name`, by which caches know objects. */
export const keyOf = ({ metadata }: { readonly metadata: { readonly name: string; readonly namespace?: string | undefined } }): string =>
  `${metadata.namespace ?? ""}/${metadata.name}`

const PodCondition = Schema.Struct({
  type: Schema.String,
  status: Schema.String,
  reason: Text,
  message: Text,
  lastTransitionTime: Text
})

const ContainerState = Schema.Struct({
  waiting: Schema.optionalKey(Schema.Struct({ reason: Text, message: Text })),
  running: Schema.optionalKey(Schema.Struct({ startedAt: Text })),
  terminated: Schema.optionalKey(
    Schema.Struct({ exitCode: Schema.Int, reason: Text, message: Text, startedAt: Text, finishedAt: Text })
  )
})

const ContainerStatus = Schema.Struct({
  name: Schema.String,
  ready: Schema.Boolean,
  restartCount: Schema.Int,
  state: Schema.optionalKey(ContainerState),
  lastState: Schema.optionalKey(ContainerState)
})

/** Strings where Kubernetes has enumerations: a value of a newer version must not make a pod unreadable. */
export const Pod = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    nodeName: Text,
    schedulingGates: Schema.optionalKey(Schema.Array(Schema.Struct({ name: Schema.String }))),
    terminationGracePeriodSeconds: Schema.optionalKey(Schema.Int),
    containers: Schema.Array(Schema.Struct({ name: Schema.String, image: Text }))
  }),
  status: Schema.optionalKey(
    Schema.Struct({
      phase: Text,
      reason: Text,
      message: Text,
      podIP: Text,
      hostIP: Text,
      startTime: Text,
      conditions: Schema.optionalKey(Schema.Array(PodCondition)),
      initContainerStatuses: Schema.optionalKey(Schema.Array(ContainerStatus)),
      containerStatuses: Schema.optionalKey(Schema.Array(ContainerStatus))
    })
  )
})
export type Pod = typeof Pod.Type

export const Lease = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.optionalKey(
    Schema.Struct({
      holderIdentity: Text,
      leaseDurationSeconds: Schema.optionalKey(Schema.Int),
      acquireTime: Text,
      renewTime: Text,
      leaseTransitions: Schema.optionalKey(Schema.Int)
    })
  )
})
export type Lease = typeof Lease.Type

export const KubeEvent = Schema.Struct({
  metadata: ObjectMeta,
  involvedObject: Schema.Struct({ kind: Text, namespace: Text, name: Text, uid: Text }),
  type: Text,
  reason: Text,
  message: Text,
  count: Schema.optionalKey(Schema.Int),
  firstTimestamp: Text,
  lastTimestamp: Text
})
export type KubeEvent = typeof KubeEvent.Type

/** The contract's GpuPool as the API server has stored it. */
export type StoredGpuPool = Omit<GpuPool, "metadata"> & { readonly metadata: ObjectMeta }

/**
 * Kubernetes writes `null` for times and lists that are not set. What has none of them, which is nearly everything, is
 * not copied: this sees every event of every watch.
 */
const dropNulls = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  let copy: Record<string, unknown> | undefined
  for (const [key, inner] of Object.entries(value)) {
    const kept = dropNulls(inner)
    if (kept === inner && (inner !== null || Array.isArray(value))) continue
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
    if (inner === null) delete copy[key]
    else copy[key] = kept
  }
  return copy ?? value
}

const decoding = <S extends Schema.Codec<any, any>>(schema: S) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return (value: unknown): Effect.Effect<S["Type"], Schema.SchemaError> => decode(dropNulls(value))
}

export const pods: Resource<Pod> = {
  group: "",
  version: "v1",
  plural: "pods",
  kind: "Pod",
  namespaced: true,
  decode: decoding(Pod)
}

export const leases: Resource<Lease> = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
  // Renewed in time or lost, however much else there is to write.
  urgent: true,
  decode: decoding(Lease)
}

export const events: Resource<KubeEvent> = {
  group: "",
  version: "v1",
  plural: "events",
  kind: "Event",
  namespaced: true,
  decode: decoding(KubeEvent)
}

const decodePool = decoding(GpuPool)
const decodeStored = decoding(Schema.Struct({ metadata: ObjectMeta }))

const withoutStatus = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null || !("status" in value)) return value
  const { status: _, ...rest } = value
  return rest
}

export const gpuPools: Resource<StoredGpuPool> = {
  group: "darkroom.dev",
  version: "v1alpha1",
  plural: "gpupools",
  kind: "GpuPool",
  namespaced: true,
  // A status is the operator's own, perhaps an older one's: what it cannot read it writes anew, if it sees the pool at all.
  decode: (value) =>
    Effect.zipWith(
      Effect.catch(decodePool(value), () => decodePool(withoutStatus(value))),
      decodeStored(value),
      (pool, { metadata }) => ({ ...pool, metadata })
    )
}
