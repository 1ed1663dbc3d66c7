import { Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { GpuPool } from "../../src/contract/GpuPool.ts"
import { podOf, type PodSettings, revisionOf } from "../../src/operator/reconcile/podSpec.ts"
import { type RunningKubeApiServer, startKubeApiServer } from "../../src/testing/KubeApiServer.ts"
import { freePort, type RunningNatsServer, startNatsServer, terminate } from "../../src/testing/NatsServer.ts"
import { kubectlOf, type Ran } from "./kubectl.ts"

/**
 * The operator and a real API server: every pod that it may write is admitted where pod security is restricted, with no
 * field dropped; and the program itself, started as a container starts it, makes and removes pods of a pool.
 */

let server: RunningKubeApiServer
let broker: RunningNatsServer
let kubectl: (args: ReadonlyArray<string>, input?: string) => Ran
const namespace = "restricted"

beforeAll(async () => {
  ;[server, broker] = await Promise.all([startKubeApiServer(), startNatsServer()])
  kubectl = kubectlOf(server)
  await server.makeNamespace(namespace)
  const { code, stderr } = kubectl(["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"])
  assert.strictEqual(code, 0, stderr)
})
afterAll(async () => {
  await server?.stop()
  await broker?.stop()
})

const settings: PodSettings = {
  image: { cpu: "agent-cpu:1", cuda: "agent-cuda:1" },
  natsUrl: "tls://nats:4222",
  natsSecret: "nats-agent",
  environment: { LOG_LEVEL: "Debug" }
}

const podFor = (spec: object) => {
  const pool = Schema.decodeUnknownSync(GpuPool)({
    apiVersion: "darkroom.dev/v1alpha1",
    kind: "GpuPool",
    metadata: { name: "p", uid: "8c3f4c1e-0000-4000-8000-000000000000" },
    spec: { models: ["m"], ...spec }
  })
  const owner = { ...pool, metadata: { ...pool.metadata, uid: pool.metadata.uid ?? "" } }
  const revision = revisionOf(owner, settings)
  return { apiVersion: "v1", kind: "Pod", ...podOf(owner, settings, { name: "p-0-abcd", slot: 0, revision }) }
}

/** Every field that was written is in what the server would store; `kubectl` itself refuses fields that nobody knows. */
const assertKept = (written: unknown, stored: unknown, at: string): void => {
  if (Array.isArray(written)) {
    written.forEach((item, index) => assertKept(item, (stored as ReadonlyArray<unknown> | undefined)?.[index], `${at}[${index}]`))
  } else if (typeof written === "object" && written !== null) {
    for (const [key, value] of Object.entries(written)) assertKept(value, (stored as Record<string, unknown> | undefined)?.[key], `${at}.${key}`)
  } else assert.strictEqual(stored, written, at)
}

/** The server leaves out what is empty, and adds tolerations of its own behind ours. */
const withoutEmpty = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutEmpty)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutEmpty(inner)]))
}

const digest = `registry.example/models@sha256:${"a".repeat(64)}`

const pools: ReadonlyArray<readonly [string, object]> = [
  ["a GPU of a product", { placement: { gpu: { count: 1, product: "H100" } } }],
  ["no GPU", { placement: { gpu: { count: 0 } } }],
  ["a claim", { placement: { resourceClaimTemplateName: "one-h100" } }],
  ["models of a claim", { modelCache: { type: "PersistentVolumeClaim", claimName: "models" } }],
  ["models of an image", { modelCache: { type: "ImageVolume", reference: digest } }],
  ["spread, selected, tolerated, queued", {
    placement: { topologyKey: "topology.kubernetes.io/zone", nodeSelector: { disk: "fast" }, tolerations: [{ key: "spot", operator: "Exists" }], queueName: "gpus" }
  }],
  ["a template", {
    template: {
      metadata: { labels: { team: "photo" } },
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [
          { name: "agent", env: [{ name: "MINE", value: "1" }], resources: { limits: { memory: "2Gi" } } },
          {
            name: "sidecar",
            image: "s:1",
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } }
          }
        ]
      }
    }
  }]
]

describe("pods", () => {
  it.each(pools)("with %s are admitted as they are written", (_, spec) => {
    const pod = podFor(spec)
    const { code, stderr, stdout } = kubectl(
      ["create", "--namespace", namespace, "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-"],
      JSON.stringify(pod)
    )
    assert.strictEqual(code, 0, stderr)
    assert.notInclude(stderr, "would violate PodSecurity")
    assertKept(withoutEmpty(pod.spec), JSON.parse(stdout).spec, "spec")
  })
})

describe("the program", () => {
  let operator: ChildProcess
  let log = ""
  let port: number
  const limitMs = 60_000

  const until = async <A>(what: string, check: () => A | undefined | Promise<A | undefined>): Promise<A> => {
    const deadline = performance.now() + limitMs
    while (performance.now() < deadline) {
      const found = await check()
      if (found !== undefined) return found
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`never: ${what}\n${log}`)
  }
  const pods = (): ReadonlyArray<any> => JSON.parse(kubectl(["get", "pods", "-n", namespace, "-o", "json"]).stdout).items
  const pool = (): any => JSON.parse(kubectl(["get", "gpool", "one", "-n", namespace, "-o", "json"]).stdout || "{}")
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`).then(async (answer) => ({ status: answer.status, body: await answer.text() }), () => undefined)

  beforeAll(async () => {
    port = await freePort()
    operator = spawn(process.execPath, [fileURLToPath(new URL("../../src/operator/main.ts", import.meta.url))], {
      env: {
        PATH: process.env["PATH"] ?? "",
        KUBECONFIG: server.kubeconfig,
        KUBE_NAMESPACE: namespace,
        NATS_URL: broker.url,
        NATS_MONITOR_URL: broker.monitorUrl,
        METRICS_PORT: String(port),
        POD_NAME: "operator-0",
        LOG_FORMAT: "json"
      },
      stdio: ["ignore", "pipe", "pipe"]
    })
    for (const stream of [operator.stdout, operator.stderr]) stream?.on("data", (chunk: Buffer) => void (log += chunk.toString()))
  })
  afterAll(() => terminate(operator))

  it("gets ready, leads, and makes the pods of a floor with the pool as their owner", async () => {
    await until("ready", async () => ((await ask("/readyz"))?.status === 200 ? true : undefined))
    const spec = { models: ["noop"], replicas: 2, maxReplicas: 2, placement: { gpu: { count: 0 } }, scaling: { cooldown: "1s" } }
    const applied = kubectl(["apply", "-n", namespace, "-f", "-"], JSON.stringify({ apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", metadata: { name: "one" }, spec }))
    assert.strictEqual(applied.code, 0, applied.stderr)
    const made = await until("two pods", () => (pods().length === 2 ? pods() : undefined))
    for (const { metadata } of made) assert.deepInclude(metadata.ownerReferences[0], { kind: "GpuPool", name: "one", controller: true })
    const told = await until("a status", () => (pool().status?.replicas === 2 ? pool() : undefined))
    assert.deepInclude(told.status, { observedGeneration: 1, desiredReplicas: 2, state: "WAKING_UP", selector: "darkroom.dev/pool=one" })
    assert.deepStrictEqual(told.metadata.finalizers, ["darkroom.dev/lanes"])
  })

  it("writes nothing while nothing happens", async () => {
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const before = pool().metadata.resourceVersion
    await new Promise((resolve) => setTimeout(resolve, 6_000))
    assert.strictEqual(pool().metadata.resourceVersion, before)
  })

  it("is heard by kubectl scale, and shown by kubectl get", async () => {
    const scaled = kubectl(["scale", "gpool", "one", "-n", namespace, "--replicas=1"])
    assert.strictEqual(scaled.code, 0, scaled.stderr)
    await until("one pod", () => (pods().length === 1 && pool().status.replicas === 1 ? true : undefined))
    const shown = kubectl(["get", "gpool", "one", "-n", namespace]).stdout
    assert.match(shown, /NAME +DESIRED +READY +BUSY +QUEUE +STATE/)
    assert.match(shown, /WAKING_UP/)
    const events = kubectl(["get", "events", "-n", namespace]).stdout
    assert.match(events, /ScaledOut +gpupool\/one +from 0 to 2 replicas/)
  })

  it("counts what it does", async () => {
    const { body } = (await ask("/metrics"))!
    assert.match(body, /darkroom_operator_reconciles_total\{outcome="succeeded"\} \d+/)
    assert.match(body, /darkroom_operator_pods_created_total\{pool="one"\} 2/)
    assert.match(body, /darkroom_operator_leading 1/)
    assert.strictEqual((await ask("/livez"))?.status, 200)
    assert.strictEqual((await ask("/other"))?.status, 404)
  })

  it("lets a deleted pool go, with its pods", async () => {
    const deleted = kubectl(["delete", "gpool", "one", "-n", namespace, "--timeout=60s"])
    assert.strictEqual(deleted.code, 0, `${deleted.stderr}\n${log}`)
    assert.deepStrictEqual(pods(), [])
  })

  it("ends when it is told, without a complaint, and gives its lease back", async () => {
    operator.kill("SIGTERM")
    const code = await new Promise((resolve) => operator.once("exit", resolve))
    assert.strictEqual(code, 0, log)
    const lease = JSON.parse(kubectl(["get", "lease", "darkroom-operator", "-n", namespace, "-o", "json"]).stdout)
    assert.strictEqual(lease.spec.holderIdentity ?? "", "")
    assert.notInclude(log, "\"level\":\"ERROR\"")
  })
})
