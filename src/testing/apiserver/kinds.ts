import { Cause, Exit, Schema } from "effect"
import { GpuPool } from "../../contract/GpuPool.ts"
import { isObject, type Json, objectAt } from "./json.ts"

/** What the in-memory API server knows of each kind. */

export interface Problem {
  readonly field: string
  readonly message: string
}

export interface Kind {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly hasStatus: boolean
  readonly hasScale: boolean
  /** Counts changes of anything but metadata and status. */
  readonly hasGeneration: boolean
  /** Deletion waits for the node's kubelet. */
  readonly isGraceful: boolean
  /** Lists whose items are told apart by these fields, by path; all others are one value each. */
  readonly listKeys: Readonly<Record<string, ReadonlyArray<string>>>
  /** Defaults and checks; a new object has no `previous`. */
  readonly admit: (object: Json) => { readonly object: Json } | { readonly causes: ReadonlyArray<Problem> }
}

const asItIs = (object: Json) => ({ object })

const commonKeys = { "metadata.ownerReferences": ["uid"] }

/** Lists of plain values without order. */
export const sets: ReadonlySet<string> = new Set(["metadata.finalizers"])

const admitPod = (object: Json) => {
  const spec = objectAt(object, "spec")
  if (!Array.isArray(spec["containers"]) || spec["containers"].length === 0) {
    return { causes: [{ field: "spec.containers", message: "Required value" }] }
  }
  return {
    object: {
      ...object,
      spec: { restartPolicy: "Always", terminationGracePeriodSeconds: 30, ...spec },
      status: { phase: "Pending", ...objectAt(object, "status") }
    }
  }
}

const decodePool = Schema.decodeUnknownExit(GpuPool)

const admitPool = (object: Json) => {
  const exit = decodePool(object)
  if (Exit.isFailure(exit)) return { causes: [{ field: "spec", message: String(Cause.squash(exit.cause)) }] }
  const pool: unknown = exit.value
  // Defaults and pruning of the spec; metadata is everybody's.
  return { object: isObject(pool) ? { ...object, spec: pool["spec"] } : object }
}

const plain = { hasStatus: false, hasScale: false, hasGeneration: false, isGraceful: false, listKeys: commonKeys, admit: asItIs }

export const kinds: ReadonlyArray<Kind> = [
  {
    ...plain,
    group: "",
    version: "v1",
    plural: "pods",
    kind: "Pod",
    hasStatus: true,
    hasGeneration: true,
    isGraceful: true,
    listKeys: {
      ...commonKeys,
      "spec.containers": ["name"],
      "spec.initContainers": ["name"],
      "spec.containers.*.env": ["name"],
      "spec.volumes": ["name"],
      "status.conditions": ["type"]
    },
    admit: admitPod
  },
  { ...plain, group: "", version: "v1", plural: "events", kind: "Event" },
  { ...plain, group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" },
  { ...plain, group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease" },
  {
    ...plain,
    group: "darkroom.dev",
    version: "v1alpha1",
    plural: "gpupools",
    kind: "GpuPool",
    hasStatus: true,
    hasScale: true,
    hasGeneration: true,
    listKeys: { ...commonKeys, "status.conditions": ["type"] },
    admit: admitPool
  }
]
