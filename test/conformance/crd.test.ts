import { Schema } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { GpuPoolSpec } from "../../src/contract/GpuPool.ts"
import { type RunningKubeApiServer, startKubeApiServer } from "../../src/testing/KubeApiServer.ts"
import { kubectlOf, type Ran } from "./kubectl.ts"

/** What a real API server makes of crds/gpupools.yaml: bad pools are refused in words, zeros are taken, defaults are ours. */

let server: RunningKubeApiServer
let kubectl: (args: ReadonlyArray<string>, input?: string) => Ran
beforeAll(async () => {
  server = await startKubeApiServer()
  kubectl = kubectlOf(server)
})
afterAll(() => server?.stop())

const poolOf = (name: string, spec: object) => JSON.stringify({ apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", metadata: { name }, spec })
const apply = (name: string, spec: object) => kubectl(["apply", "--server-side", "-f", "-"], poolOf(name, spec))
const stored = (name: string) => JSON.parse(kubectl(["get", "gpool", name, "-o", "json"]).stdout)

const models = ["starter"]
const digest = `registry.example/models@sha256:${"a".repeat(64)}`

const bad: ReadonlyArray<readonly [string, object, RegExp]> = [
  ["a floor above the ceiling", { models, replicas: 3, maxReplicas: 2 }, /replicas must not exceed maxReplicas/],
  ["a floor above the default ceiling", { models, replicas: 2 }, /replicas must not exceed maxReplicas/],
  ["no models", {}, /spec\.models: Required value/],
  ["an empty list of models", { models: [] }, /spec\.models.*at least 1/],
  ["an empty model", { models: [""] }, /spec\.models\[0\].*at least 1/],
  ["a negative floor", { models, replicas: -1 }, /spec\.replicas.*greater than or equal to 0/],
  ["a fraction", { models, maxReplicas: 1.5 }, /spec\.maxReplicas.*integer/],
  ["no jobs a replica", { models, scaling: { jobsPerReplica: 0 } }, /jobsPerReplica.*greater than or equal to 1/],
  ["an unknown mode", { models, scaling: { mode: "Sometimes" } }, /scaling\.mode: Unsupported value: "Sometimes".*"Queue", "External"/],
  ["a time in words", { models, scaling: { cooldown: "5 minutes" } }, /scaling\.cooldown: .*must be a duration such as 90s, 15m or 1h30m/],
  ["a time without a unit", { models, lifecycle: { drainTimeout: "900" } }, /lifecycle\.drainTimeout: .*must be a duration/],
  ["an endless time", { models, scaling: { cooldown: "1h".repeat(20) } }, /scaling\.cooldown: Too long/],
  ["fallback without a queue", { models, scaling: { mode: "External", fallback: { afterFailures: 1, replicas: 0 } } }, /fallback is for mode Queue/],
  ["spares without a queue", { models, scaling: { mode: "External", warmSpare: 1 } }, /warmSpare is for mode Queue/],
  ["half a fallback", { models, scaling: { fallback: { replicas: 0 } } }, /fallback\.afterFailures: Required value/],
  ["a claim without a name", { models, modelCache: { type: "PersistentVolumeClaim" } }, /claimName is needed for a PersistentVolumeClaim/],
  ["an image without a reference", { models, modelCache: { type: "ImageVolume" } }, /reference is needed for an ImageVolume/],
  ["an image by tag", { models, modelCache: { type: "ImageVolume", reference: "models:latest" } }, /reference: .*must be an image reference that ends in @sha256/],
  ["an unknown pause", { models, paused: "Yes" }, /paused: Unsupported value: "Yes"/]
]

describe("the API server", () => {
  it.each(bad)("refuses %s and says why", (_what, spec, words) => {
    const { code, stderr } = apply("bad", spec)
    assert.strictEqual(code, 1)
    assert.match(stderr, words)
  })

  it.each([["dots.in.it"], ["a".repeat(54)]])("refuses the name %s, which cannot be part of a pod's", (name) => {
    const { stderr } = apply(name, { models })
    assert.match(stderr, /metadata\.name must be a DNS label of at most 53 characters/)
  })

  it("tells about a field that it does not know", () => {
    assert.match(apply("typo", { models, replcas: 1 }).stderr, /unknown field "spec\.replcas"|\.spec\.replcas: field not declared/)
  })

  it("takes 0 in every number that may be none, the longest name, and an open template", () => {
    const name = "z".repeat(53)
    const spec = {
      models,
      replicas: 0,
      maxReplicas: 0,
      scaling: { warmSpare: 0, cooldown: "0s", lastPodRetention: "0s", spillAfter: "0s", fallback: { afterFailures: 1, replicas: 0 } },
      placement: { gpu: { count: 0, product: "" }, tolerations: [{ key: "gpu", operator: "Exists", effect: "NoSchedule" }] },
      modelCache: { type: "ImageVolume", reference: digest },
      lifecycle: { drainTimeout: "0s", startupTimeout: "0s" },
      template: { spec: { containers: [{ name: "agent", env: [{ name: "LOG_LEVEL", value: "Debug" }] }] } }
    }
    const { code, stderr } = apply(name, spec)
    assert.strictEqual(code, 0, stderr)
    const found = stored(name).spec
    assert.deepStrictEqual(found.template, spec.template)
    assert.deepStrictEqual(found.placement.tolerations, spec.placement.tolerations)
    assert.strictEqual(found.maxReplicas, 0)
  })

  it.each([
    [{ models }],
    [{ models, scaling: { mode: "External" }, placement: { gpu: { count: 2 } } }],
    [{ models, placement: {}, lifecycle: {}, scaling: {} }]
  ])("fills in what the programs fill in: %j", (spec) => {
    assert.strictEqual(apply("defaults", spec).code, 0)
    assert.deepStrictEqual(stored("defaults").spec, Schema.decodeUnknownSync(GpuPoolSpec)(spec))
    kubectl(["delete", "gpool", "defaults"])
  })

  it("scales by the subresource, never above the ceiling, and shows columns", () => {
    assert.strictEqual(apply("scaled", { models, maxReplicas: 2 }).code, 0)
    assert.strictEqual(kubectl(["scale", "gpool/scaled", "--replicas=2"]).code, 0)
    assert.strictEqual(stored("scaled").spec.replicas, 2)
    assert.match(kubectl(["scale", "gpool/scaled", "--replicas=3"]).stderr, /replicas must not exceed maxReplicas/)
    const status = { state: "ACTIVE", replicas: 2, desiredReplicas: 2, readyReplicas: 1, busyReplicas: 1, queue: { depth: 7, readable: true }, selector: "darkroom.dev/pool=scaled" }
    assert.strictEqual(kubectl(["patch", "gpool", "scaled", "--subresource=status", "--type=merge", "-p", JSON.stringify({ status })]).code, 0)
    const scale = JSON.parse(kubectl(["get", "--raw", "/apis/darkroom.dev/v1alpha1/namespaces/default/gpupools/scaled/scale"]).stdout)
    assert.deepStrictEqual([scale.spec, scale.status], [{ replicas: 2 }, { replicas: 2, selector: "darkroom.dev/pool=scaled" }])
    const [header, row] = kubectl(["get", "gpool", "scaled"]).stdout.split("\n")
    assert.match(header!, /^NAME +DESIRED +READY +BUSY +QUEUE +STATE +AGE/)
    assert.match(row!, /^scaled +2 +1 +1 +7 +ACTIVE +\d/)
    assert.match(kubectl(["get", "all"]).stdout, /gpupool\.darkroom\.dev\/scaled/)
  })

  it("keeps the status out of the spec's hands, and conditions apart by type", () => {
    assert.strictEqual(apply("conditions", { models }).code, 0)
    const generation = stored("conditions").metadata.generation
    const condition = (type: string) => ({ type, status: "True", reason: "Test", message: "", lastTransitionTime: "2026-01-02T03:04:05.678Z" })
    const write = (manager: string, type: string) =>
      kubectl(
        ["apply", "--server-side", "--subresource=status", `--field-manager=${manager}`, "-f", "-"],
        JSON.stringify({ apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", metadata: { name: "conditions" }, status: { conditions: [condition(type)] } })
      )
    assert.strictEqual(write("one", "Ready").code, 0)
    assert.strictEqual(write("two", "Paused").code, 0)
    const pool = stored("conditions")
    assert.deepStrictEqual(pool.status.conditions.map(({ type }: { type: string }) => type).sort(), ["Paused", "Ready"])
    assert.strictEqual(pool.metadata.generation, generation)
  })

  it("explains the fields", () => {
    assert.match(kubectl(["explain", "gpool.spec.scaling.cooldown"]).stdout, /Idle time before a replica above the floor is removed/)
  })
})
