import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { apiVersionOf, gpuPools, keyOf, leases, pathOf, pods } from "./resources.ts"

const metadata = { name: "a", namespace: "n", uid: "u", resourceVersion: "7" }

describe("paths", () => {
  it("are those of the API server", () => {
    assert.strictEqual(pathOf(pods, "n"), "/api/v1/namespaces/n/pods")
    assert.strictEqual(pathOf(gpuPools, "n", "a", "status"), "/apis/darkroom.dev/v1alpha1/namespaces/n/gpupools/a/status")
    assert.strictEqual(pathOf(leases, "n", "../b"), "/apis/coordination.k8s.io/v1/namespaces/n/leases/..%2Fb")
    assert.strictEqual(apiVersionOf(pods), "v1")
    assert.strictEqual(apiVersionOf(gpuPools), "darkroom.dev/v1alpha1")
    assert.strictEqual(keyOf({ metadata }), "n/a")
  })
})

describe("pods", () => {
  it.effect("are read with what a newer Kubernetes adds, and with nulls", () =>
    Effect.gen(function*() {
      const pod = yield* pods.decode({
        metadata: { ...metadata, creationTimestamp: null, selfLink: "/x", managedFields: [{}] },
        spec: { containers: [{ name: "agent", image: "i", brandNew: { a: 1 } }], nodeName: null },
        status: {
          phase: "Hibernating",
          conditions: [{ type: "Ready", status: "Perhaps", lastProbeTime: null, lastTransitionTime: null }],
          containerStatuses: null
        }
      })
      assert.strictEqual(pod.status?.phase, "Hibernating")
      assert.strictEqual(pod.spec.nodeName, undefined)
    }))
})

describe("GpuPools", () => {
  const pool = { apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", metadata, spec: { models: ["starter"] } }

  it.effect("have the stored metadata and the defaults", () =>
    Effect.gen(function*() {
      const read = yield* gpuPools.decode(pool)
      assert.strictEqual(read.metadata.uid, "u")
      assert.strictEqual(read.spec.maxReplicas, 1)
    }))

  it.effect("are seen whatever their status is: the operator that would mend it must see them", () =>
    Effect.gen(function*() {
      const read = yield* gpuPools.decode({ ...pool, status: { conditions: [], state: "OF_LATER" } })
      assert.strictEqual(read.status, undefined)
      assert.strictEqual(read.spec.models[0], "starter")
      assert.strictEqual((yield* Effect.flip(gpuPools.decode({ ...pool, spec: { models: [] } })))._tag, "SchemaError")
    }))
})
