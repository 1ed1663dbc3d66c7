import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { GpuPool } from "../../contract/GpuPool.ts"
import { podName } from "../fleet/podNames.ts"
import { podOf, type PodSettings, revisionOf } from "./podSpec.ts"

const poolOf = (spec: Record<string, unknown>, metadata: Record<string, unknown> = {}) => {
  const pool = Schema.decodeUnknownSync(GpuPool)({
    apiVersion: "darkroom.dev/v1alpha1",
    kind: "GpuPool",
    metadata: { name: "h100", uid: "pool-uid", ...metadata },
    spec: { models: ["m", "n"], ...spec }
  })
  return { ...pool, metadata: { ...pool.metadata, uid: "pool-uid" } }
}

const settings: PodSettings = {
  image: { cpu: "agent-cpu:1", cuda: "agent-cuda:1" },
  natsUrl: "tls://nats:4222",
  natsSecret: "nats-agent-{pool}",
  environment: {}
}
const place = { name: "h100-0-abcd", slot: 0, revision: "r" }
const build = (spec: Record<string, unknown> = {}, more: Partial<PodSettings> = {}): any => podOf(poolOf(spec), { ...settings, ...more }, place)
const agentIn = (pod: any) => pod.spec.containers.find((container: any) => container.name === "agent")
const envIn = (pod: any) => Object.fromEntries(agentIn(pod).env.map((one: any) => [one.name, one.value ?? one.valueFrom]))
const cpu = { placement: { gpu: { count: 0 } } }

describe("podOf", () => {
  it("belongs to its pool, and says which slot and revision it is", () => {
    const { metadata } = build()
    assert.strictEqual(metadata.name, "h100-0-abcd")
    assert.deepInclude(metadata.labels, {
      "darkroom.dev/pool": "h100",
      "darkroom.dev/slot": "0",
      "darkroom.dev/revision": "r",
      "app.kubernetes.io/component": "agent"
    })
    assert.deepStrictEqual(metadata.ownerReferences, [
      { apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", name: "h100", uid: "pool-uid", controller: true }
    ])
  })

  it("tells the agent who it is and where the broker is", () => {
    const env = envIn(build())
    assert.deepStrictEqual([env.DARKROOM_POOL, env.DARKROOM_MODELS, env.DARKROOM_DEVICE], ["h100", "m,n", "cuda"])
    assert.strictEqual(env.AGENT_ID.fieldRef.fieldPath, "metadata.name")
    assert.strictEqual(env.NATS_URL, "tls://nats:4222")
    assert.deepStrictEqual(env.NATS_USER, { secretKeyRef: { name: "nats-agent-h100", key: "user" } })
    assert.deepStrictEqual(env.NATS_PASSWORD, { secretKeyRef: { name: "nats-agent-h100", key: "password" } })
    assert.strictEqual(env.NATS_CA_FILE, "/etc/darkroom/nats/ca.crt")
    assert.isUndefined(env.MODELS_DIR)
  })

  it("mounts the CA for tls:// alone, and asks for no secret where there is none", () => {
    const names = (pod: any) => pod.spec.volumes.map((volume: any) => volume.name)
    assert.deepStrictEqual(names(build()), ["scratch", "nats-ca"])
    assert.deepStrictEqual(names(build({}, { natsUrl: "nats://nats:4222" })), ["scratch"])
    const open = build({}, { natsSecret: "" })
    assert.deepStrictEqual(names(open), ["scratch"])
    assert.isUndefined(envIn(open).NATS_USER)
    assert.deepStrictEqual(agentIn(open).volumeMounts.map((mount: any) => mount.name), ["scratch"])
  })

  it("is admitted where pod security is restricted", () => {
    const pod = build()
    assert.deepStrictEqual(pod.spec.securityContext, { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } })
    assert.deepStrictEqual(agentIn(pod).securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] }
    })
    assert.deepInclude(agentIn(pod).volumeMounts, { name: "scratch", mountPath: "/tmp" })
    assert.isFalse(pod.spec.automountServiceAccountToken)
  })

  it("an agent that is told to end by others than the operator gives a long job back at once", () => {
    assert.strictEqual(envIn(build()).AGENT_GRACE, "5000ms")
    assert.strictEqual(envIn(build({ lifecycle: { drainTimeout: "2s" } })).AGENT_GRACE, "2000ms")
  })

  it("gives the agent its drain time to end in, and some to say goodbye", () => {
    assert.strictEqual(build({ lifecycle: { drainTimeout: "90s" } }).spec.terminationGracePeriodSeconds, 105)
    assert.isUndefined(agentIn(build()).lifecycle)
  })

  it("is probed on the agent's own port", () => {
    const agent = agentIn(build())
    assert.deepStrictEqual(agent.ports, [{ name: "health", containerPort: 8080 }])
    assert.strictEqual(envIn(build()).AGENT_HEALTH_PORT, "8080")
    assert.strictEqual(agent.readinessProbe.httpGet.path, "/readyz")
    assert.strictEqual(agent.livenessProbe.httpGet.path, "/livez")
    assert.strictEqual(agent.startupProbe.httpGet.port, "health")
    const { failureThreshold, periodSeconds, timeoutSeconds } = agent.livenessProbe
    assert.isAbove(failureThreshold * periodSeconds, 60, "a starved agent is not killed within a minute")
    assert.isAtLeast(timeoutSeconds, 5)
  })
})

describe("GPU placement", () => {
  it("takes GPUs as an extended resource, on nodes of the product by any of its names", () => {
    const pod = build({ placement: { gpu: { count: 2, product: "H100" } } })
    assert.strictEqual(agentIn(pod).image, "agent-cuda:1")
    assert.deepStrictEqual(agentIn(pod).resources.limits, { memory: "16Gi", "nvidia.com/gpu": "2" })
    const [term] = pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms
    const [rule] = term.matchExpressions
    assert.deepStrictEqual([rule.key, rule.operator], ["nvidia.com/gpu.product", "In"])
    assert.includeMembers(rule.values, ["H100", "NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe", "NVIDIA-H100-NVL"])
    assert.deepInclude(pod.spec.tolerations, { key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" })
  })

  it("an unknown product is the label's value itself; none leaves the choice to the scheduler", () => {
    const exact = build({ placement: { gpu: { product: "NVIDIA-H100-PCIe" } } })
    assert.deepStrictEqual(
      exact.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values,
      ["NVIDIA-H100-PCIe"]
    )
    assert.deepStrictEqual(build({ placement: { gpu: { product: "" } } }).spec.affinity, {})
  })

  it("a pool without GPUs asks for none and runs the CPU image", () => {
    const pod = build(cpu)
    assert.strictEqual(agentIn(pod).image, "agent-cpu:1")
    assert.deepStrictEqual(agentIn(pod).resources, { requests: { cpu: "500m", memory: "1Gi" }, limits: { memory: "4Gi" } })
    assert.deepStrictEqual([pod.spec.affinity, pod.spec.tolerations, envIn(pod).DARKROOM_DEVICE], [{}, [], "cpu"])
  })

  it("a claim replaces the extended resource and the product", () => {
    const pod = build({ placement: { resourceClaimTemplateName: "one-h100" } })
    assert.deepStrictEqual(pod.spec.resourceClaims, [{ name: "gpu", resourceClaimTemplateName: "one-h100" }])
    assert.deepStrictEqual(agentIn(pod).resources.claims, [{ name: "gpu" }])
    assert.deepStrictEqual(agentIn(pod).resources.limits, { memory: "16Gi" })
    assert.deepStrictEqual(pod.spec.affinity, {})
  })

  it.each([
    [{ requests: { memory: "8Gi" } }, { requests: { cpu: "500m", memory: "8Gi" }, limits: { memory: "8Gi" } }],
    [{ limits: { cpu: "2" } }, { requests: { memory: "1Gi" }, limits: { cpu: "2", memory: "4Gi" } }],
    [{ requests: { memory: "1Gi" }, limits: { memory: "3Gi" } }, { requests: { cpu: "500m", memory: "1Gi" }, limits: { memory: "3Gi" } }]
  ])("memory has a limit, so that the agent notices before the node does: %j", (resources, given) => {
    const pod = build({ ...cpu, template: { spec: { containers: [{ name: "agent", resources }] } } })
    assert.deepStrictEqual(agentIn(pod).resources, given)
  })

  it("spreads, selects, tolerates and queues as the pool says", () => {
    const pod = build({
      placement: { topologyKey: "zone", nodeSelector: { disk: "fast" }, tolerations: [{ key: "spot", operator: "Exists" }], queueName: "gpus" }
    })
    assert.deepInclude(pod.spec.topologySpreadConstraints[0], { topologyKey: "zone", maxSkew: 1 })
    assert.deepStrictEqual(pod.spec.nodeSelector, { disk: "fast" })
    assert.deepInclude(pod.spec.tolerations, { key: "spot", operator: "Exists" })
    assert.strictEqual(pod.metadata.labels["kueue.x-k8s.io/queue-name"], "gpus")
  })
})

describe("model cache", () => {
  it.each([
    ["a claim", { type: "PersistentVolumeClaim", claimName: "models" }, { persistentVolumeClaim: { claimName: "models", readOnly: true } }],
    ["an image", { type: "ImageVolume", reference: `r/m@sha256:${"a".repeat(64)}` }, {
      image: { reference: `r/m@sha256:${"a".repeat(64)}`, pullPolicy: "IfNotPresent" }
    }]
  ])("%s is mounted read-only at /models", (_, modelCache, source) => {
    const pod = build({ modelCache })
    assert.deepInclude(pod.spec.volumes, { name: "models", ...source })
    assert.deepInclude(agentIn(pod).volumeMounts, { name: "models", mountPath: "/models", readOnly: true })
    assert.strictEqual(envIn(pod).MODELS_DIR, "/models")
  })
})

describe("template", () => {
  const template = {
    metadata: { labels: { team: "photo", "darkroom.dev/pool": "stolen" }, annotations: { note: "x" } },
    spec: {
      priorityClassName: "gold",
      restartPolicy: "Never",
      nodeSelector: { a: "1" },
      securityContext: { fsGroup: 7 },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: "x", operator: "Exists" }] }, { matchFields: [{ key: "y", operator: "In", values: ["z"] }] }]
          }
        }
      },
      volumes: [{ name: "scratch", emptyDir: { medium: "Memory" } }, { name: "extra", emptyDir: {} }],
      containers: [
        {
          name: "agent",
          image: "mine:1",
          env: [{ name: "DARKROOM_DEVICE", value: "auto" }, { name: "AGENT_ID", value: "forged" }, { name: "MINE", value: "1" }],
          resources: { limits: { memory: "64Mi" } },
          livenessProbe: { exec: { command: ["true"] } },
          volumeMounts: [{ name: "extra", mountPath: "/extra" }]
        },
        { name: "sidecar", image: "s:1" }
      ]
    }
  }
  const pod = build({ template })

  it("completes the agent and keeps the rest", () => {
    assert.deepStrictEqual(pod.spec.containers.map((container: any) => container.name), ["agent", "sidecar"])
    assert.strictEqual(agentIn(pod).image, "mine:1")
    assert.deepStrictEqual(agentIn(pod).livenessProbe, { exec: { command: ["true"] } })
    assert.strictEqual(agentIn(pod).readinessProbe.httpGet.path, "/readyz")
    assert.deepStrictEqual(agentIn(pod).resources, { limits: { memory: "64Mi", "nvidia.com/gpu": "1" }, requests: { cpu: "500m" } })
    assert.includeMembers(agentIn(pod).volumeMounts.map((mount: any) => mount.mountPath), ["/tmp", "/extra"])
    assert.deepStrictEqual([pod.spec.priorityClassName, pod.metadata.labels.team, pod.metadata.annotations.note], ["gold", "photo", "x"])
    assert.deepInclude(pod.spec.volumes, { name: "scratch", emptyDir: { medium: "Memory" } })
  })

  it("may change settings, but neither who the agent is nor what the operator relies on", () => {
    const env = envIn(pod)
    assert.deepStrictEqual([env.DARKROOM_DEVICE, env.MINE], ["auto", "1"])
    assert.strictEqual(env.AGENT_ID.fieldRef.fieldPath, "metadata.name")
    assert.strictEqual(agentIn(pod).env.filter((one: any) => one.name === "AGENT_ID").length, 1)
    assert.strictEqual(pod.metadata.labels["darkroom.dev/pool"], "h100")
    assert.strictEqual(pod.spec.restartPolicy, "Always")
    assert.isTrue(pod.spec.shareProcessNamespace)
    assert.deepStrictEqual(pod.spec.securityContext, { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" }, fsGroup: 7 })
  })

  it("cannot lead a pod away from the right GPU: every alternative asks for it", () => {
    const terms = pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms
    assert.deepStrictEqual(terms.map((term: any) => term.matchExpressions.at(-1).key), ["nvidia.com/gpu.product", "nvidia.com/gpu.product"])
    assert.strictEqual(terms[0].matchExpressions[0].key, "x")
    assert.isDefined(terms[1].matchFields)
  })
})

describe("revision", () => {
  const revision = (spec: Record<string, unknown>, more: Partial<PodSettings> = {}) => revisionOf(poolOf(spec), { ...settings, ...more })

  it("changes with what a pod is built from, and with nothing else", () => {
    const before = revision({})
    assert.strictEqual(revision({ replicas: 1, maxReplicas: 9, scaling: { cooldown: "1s" }, paused: "All" }), before)
    for (const changed of [{ models: ["m"] }, cpu, { lifecycle: { drainTimeout: "1s" } }, { template: { metadata: { labels: { a: "b" } } } }]) {
      assert.notStrictEqual(revision(changed), before, JSON.stringify(changed))
    }
    assert.notStrictEqual(revision({}, { image: { cpu: "agent-cpu:1", cuda: "agent-cuda:2" } }), before)
    assert.strictEqual(revision({}, { image: { cpu: "agent-cpu:2", cuda: "agent-cuda:1" } }), before)
    assert.match(before, /^[a-z0-9]{10}$/)
  })
})

describe("podName", () => {
  it("is the same for whoever saw the same pod in the slot, and another after each pod", () => {
    assert.strictEqual(podName("p", 0, "u1"), podName("p", 0, "u1"))
    assert.notStrictEqual(podName("p", 0, "u1"), podName("p", 0, "u2"))
    assert.match(podName("p", 3, "u1"), /^p-3-[a-z0-9]{4}$/)
    assert.isAtMost(podName("a".repeat(53), 9_999, "u1").length, 63)
  })
})
