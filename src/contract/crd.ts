import { GpuPoolSpec, GpuPoolStatus } from "./GpuPool.ts"
import { type CelRule, type Overlay, structuralSchema } from "./structural.ts"

/** The CustomResourceDefinition of GpuPool (apiextensions.k8s.io/v1), made from its schema. Pure. */

const notAbove: CelRule = { rule: "self.replicas <= self.maxReplicas", message: "replicas must not exceed maxReplicas" }

/** What mode External would silently never look at. */
const modeRules: ReadonlyArray<CelRule> = [
  {
    rule: "self.mode == 'Queue' || !has(self.fallback)",
    message: "fallback is for mode Queue: in mode External the queue does not decide how many replicas run"
  },
  {
    rule: "self.mode == 'Queue' || self.warmSpare == 0",
    message: "warmSpare is for mode Queue: in mode External there are exactly spec.replicas"
  }
]

const cacheRules: ReadonlyArray<CelRule> = [
  {
    rule: "self.type != 'PersistentVolumeClaim' || has(self.claimName)",
    message: "claimName is needed for a PersistentVolumeClaim"
  },
  { rule: "self.type != 'ImageVolume' || has(self.reference)", message: "reference is needed for an ImageVolume" }
]

/** A name becomes part of pods' names and of a label's value. */
const nameRule: CelRule = {
  rule: "self.metadata.name.matches(r'^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$')",
  message: "metadata.name must be a DNS label of at most 53 characters"
}

const overlay: Overlay = {
  spec: { "x-kubernetes-validations": [notAbove] },
  "spec.scaling": { "x-kubernetes-validations": modeRules },
  "spec.modelCache": { "x-kubernetes-validations": cacheRules },
  // An operator that is older or newer than this definition must still be able to write what it knows.
  status: { required: undefined as never },
  "status.queue": { required: undefined as never },
  "status.coldStart": { required: undefined as never },
  "status.lastScale": { required: undefined as never },
  "status.models.[]": { required: undefined as never },
  "status.lastScale.at": { format: "date-time" },
  "status.conditions.[].lastTransitionTime": { format: "date-time" },
  "status.conditions": { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] }
}

const column = (name: string, type: string, jsonPath: string, priority = 0) => ({ name, type, jsonPath, priority })

const version = () => ({
  name: "v1alpha1",
  served: true,
  storage: true,
  subresources: {
    status: {},
    scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas", labelSelectorPath: ".status.selector" }
  },
  additionalPrinterColumns: [
    column("Desired", "integer", ".status.desiredReplicas"),
    column("Ready", "integer", ".status.readyReplicas"),
    column("Busy", "integer", ".status.busyReplicas"),
    column("Queue", "integer", ".status.queue.depth"),
    column("State", "string", ".status.state"),
    column("Age", "date", ".metadata.creationTimestamp"),
    column("Floor", "integer", ".spec.replicas", 1),
    column("Max", "integer", ".spec.maxReplicas", 1),
    column("Models", "string", ".spec.models", 1),
    column("Mode", "string", ".spec.scaling.mode", 1),
    column("Paused", "string", ".spec.paused", 1)
  ],
  schema: {
    openAPIV3Schema: {
      description: "A pool of GPU agents that exist only while there is work.",
      type: "object",
      required: ["spec"],
      properties: {
        apiVersion: { type: "string" },
        kind: { type: "string" },
        metadata: { type: "object" },
        spec: structuralSchema(GpuPoolSpec, "spec", overlay),
        status: structuralSchema(GpuPoolStatus, "status", overlay)
      },
      "x-kubernetes-validations": [nameRule]
    }
  }
})

export const gpuPoolCrd = () => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "gpupools.darkroom.dev" },
  spec: {
    group: "darkroom.dev",
    scope: "Namespaced",
    names: {
      kind: "GpuPool",
      listKind: "GpuPoolList",
      plural: "gpupools",
      singular: "gpupool",
      shortNames: ["gpool"],
      categories: ["all"]
    },
    versions: [version()]
  }
})
