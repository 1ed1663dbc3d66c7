import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { parseAllDocuments } from "yaml"
import { durationMs } from "../../src/contract/GpuPool.ts"
import { kubeBinaries, type RunningKubeApiServer, startKubeApiServer } from "../../src/testing/KubeApiServer.ts"
import { kubectlOf, type Ran, repository } from "./kubectl.ts"

/**
 * A real API server takes everything in manifests/, in a namespace that admits only pods of the level `restricted`, and
 * grants each service account what its program asks for and no more.
 */

let server: RunningKubeApiServer
let kubectl: (args: ReadonlyArray<string>, input?: string) => Ran
const rendered = new Map<string, ReadonlyArray<any>>()

const documentsOf = (text: string): ReadonlyArray<any> => parseAllDocuments(text).map((document) => document.toJS()).filter((object) => object !== null)
const overlays = ["kind", "production"]

beforeAll(async () => {
  server = await startKubeApiServer()
  kubectl = kubectlOf(server)
  for (const overlay of overlays) {
    const { code, stderr, stdout } = kubectl(["kustomize", `manifests/overlays/${overlay}`])
    assert.strictEqual(code, 0, stderr)
    rendered.set(overlay, documentsOf(stdout))
  }
  const first = ["Namespace", "ServiceAccount", "Role", "RoleBinding", "ClusterRole"]
  const objects = rendered.get("kind")!.filter(({ kind }) => first.includes(kind))
  for (const kind of first) {
    const { code, stderr } = kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects.filter((object) => object.kind === kind) }))
    assert.strictEqual(code, 0, stderr)
  }
})
afterAll(() => server?.stop())

const workloads = (overlay: string) => rendered.get(overlay)!.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet")

describe.each(overlays)("the overlay %s", (overlay) => {
  it("is taken by the API server, without a warning", () => {
    const { code, stderr, stdout } = kubectl(["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-k", `manifests/overlays/${overlay}`])
    assert.strictEqual(code, 0, stderr)
    assert.strictEqual(stderr, "")
    assert.match(stdout, /statefulset\.apps\/nats serverside-applied/)
  })

  it("has pods that a restricted namespace admits, with a read-only root and nothing to escape with", () => {
    assert.deepStrictEqual(workloads(overlay).map(({ metadata }) => metadata.name).sort(), ["gateway", "nats", "operator"])
    for (const { metadata: { name }, spec } of workloads(overlay)) {
      // Claims of a StatefulSet stand beside its template.
      const volumes = [...spec.template.spec.volumes, ...(spec.volumeClaimTemplates ?? []).map((claim: any) => ({ name: claim.metadata.name, emptyDir: {} }))]
      const pod = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "darkroom", labels: spec.template.metadata.labels }, spec: { ...spec.template.spec, volumes } }
      const { code, stderr } = kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(pod))
      assert.strictEqual(code, 0, stderr)
      for (const container of spec.template.spec.containers) {
        assert.isTrue(container.securityContext.readOnlyRootFilesystem)
        for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) assert.isDefined(container[probe]?.httpGet, `${name} ${probe}`)
        const { failureThreshold, periodSeconds, timeoutSeconds } = container.livenessProbe
        assert.isAbove(failureThreshold * periodSeconds, 60, `${name}: who is starved is not killed within a minute`)
        assert.isAtLeast(timeoutSeconds, 5, name)
        assert.isDefined(container.resources.requests.cpu)
        assert.isDefined(container.resources.limits.memory)
        assert.notMatch(container.image, /:latest$|^[^:]+$/)
      }
    }
  })
})

const settingsOf = (overlay: string): Record<string, string> =>
  Object.assign({}, ...rendered.get(overlay)!.filter(({ kind, metadata }) => kind === "ConfigMap" && /-settings-/.test(metadata.name)).map(({ data }) => data))
const named = (overlay: string, kind: string, name: string) => rendered.get(overlay)!.find((object) => object.kind === kind && object.metadata.name === name)
/** `15GB` as nats-server reads it, `20Gi` as Kubernetes does. */
const bytes = (size: string): number => {
  const [, number, unit] = /^(\d+)(\w*)$/.exec(size)!
  const power = ["", "M", "G", "T"].indexOf(unit!.charAt(0))
  return Number(number) * (unit!.endsWith("B") || unit!.endsWith("i") ? 1024 : 1000) ** (power === 0 ? 0 : power + 1)
}

describe.each(overlays)("the numbers of the overlay %s", (overlay) => {
  it("let a waiting edit be answered, whoever stops meanwhile", () => {
    const settings = settingsOf(overlay)
    const [waitS, graceS] = [durationMs(settings["EDIT_WAIT"]!) / 1_000, durationMs(settings["GATEWAY_GRACE"]!) / 1_000]
    const pod = named(overlay, "Deployment", "gateway").spec.template.spec
    assert.isAbove(graceS, waitS)
    assert.isAtLeast(pod.terminationGracePeriodSeconds, pod.containers[0].lifecycle.preStop.sleep.seconds + graceS + 5)
    const annotations = named(overlay, "Ingress", "gateway").metadata.annotations
    assert.isAbove(Number(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]), waitS)
    assert.isAbove(Number.parseInt(annotations["haproxy.org/timeout-server"], 10), waitS)
    assert.isAtLeast(Number.parseInt(annotations["nginx.ingress.kubernetes.io/proxy-body-size"], 10), 16)
    assert.strictEqual(annotations["nginx.ingress.kubernetes.io/proxy-buffering"], "off")
  })

  it("leave the broker room for all that the streams may hold", () => {
    const settings = settingsOf(overlay)
    const streams = ["DARKROOM_EVENTS_MAX_BYTES", "DARKROOM_WORK_MAX_BYTES", "DARKROOM_BLOBS_MAX_BYTES"].map((name) => Number(settings[name]))
    const nats = named(overlay, "StatefulSet", "nats").spec
    const { env, resources } = nats.template.spec.containers[0]
    const value = (name: string) => bytes(env.find((one: any) => one.name === name).value)
    assert.isAbove(value("NATS_MAX_FILE_STORE"), streams.reduce((sum, size) => sum + size, 32 * 1024 ** 2))
    assert.isAbove(bytes(nats.volumeClaimTemplates[0].spec.resources.requests.storage), value("NATS_MAX_FILE_STORE"))
    assert.isAbove(bytes(resources.limits.memory), value("GOMEMLIMIT"))
    assert.strictEqual(Number(settings["DARKROOM_REPLICAS"]), nats.replicas)
  })

  it("hold no Secret, and refer only to those that scripts/secrets makes", () => {
    assert.isEmpty(rendered.get(overlay)!.filter(({ kind }) => kind === "Secret"))
    const referred = [...JSON.stringify(workloads(overlay)).matchAll(/"secret(?:Ref|KeyRef)?":\{[^{}]*"(?:name|secretName)":"([^"]+)"/g)].map(([, name]) => name!)
    assert.deepStrictEqual([...new Set(referred)].sort(), ["darkroom-api-key", "nats-gateway", "nats-operator", "nats-passwords", "nats-tls"])
  })

  it("give rights by name", () => {
    const rules = rendered.get(overlay)!.filter(({ kind }) => kind === "Role" || kind === "ClusterRole").flatMap(({ rules }) => rules)
    assert.isNotEmpty(rules)
    assert.notInclude(JSON.stringify(rules), "*")
  })
})

describe("a bare pod", () => {
  it("is refused there", () => {
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "bare", namespace: "darkroom" }, spec: { containers: [{ name: "a", image: "x:1" }] } }
    assert.match(kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(pod)).stderr, /violates PodSecurity "restricted/)
  })
})

describe("the samples", () => {
  const folder = join(repository, "manifests/samples")
  it.each(readdirSync(folder))("%s is taken by the API server", (name) => {
    const pools = documentsOf(readFileSync(join(folder, name), "utf8")).filter(({ kind }) => kind === "GpuPool")
    assert.isNotEmpty(pools)
    for (const pool of pools) {
      const { code, stderr } = kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(pool))
      assert.strictEqual(code, 0, stderr)
    }
  })
})

describe("scripts/secrets", () => {
  const secretsOf = (): Record<string, Record<string, string>> => {
    const { items } = JSON.parse(kubectl(["--namespace=darkroom", "get", "secrets", "-o", "json"]).stdout)
    return Object.fromEntries(items.map(({ data, metadata }: any) => [
      metadata.name,
      Object.fromEntries(Object.entries<string>(data).map(([name, value]) => [name, Buffer.from(value, "base64").toString()]))
    ]))
  }
  const run = (overlay: string) =>
    execFileSync(join(repository, "scripts/secrets"), [`manifests/overlays/${overlay}`], {
      cwd: repository,
      env: { ...process.env, KUBECTL: join(kubeBinaries(), "kubectl"), KUBECONFIG: server.kubeconfig },
      stdio: "pipe"
    })

  it("makes what pods refer to, keeps what is there, and adds what another overlay needs", () => {
    run("kind")
    const made = secretsOf()
    assert.deepStrictEqual(Object.keys(made).sort(), ["darkroom-api-key", "nats-admin", "nats-agent", "nats-ca", "nats-gateway", "nats-operator", "nats-passwords", "nats-tls"])
    for (const user of ["gateway", "operator", "agent", "admin"]) {
      const { "ca.crt": ca, password, user: name } = made[`nats-${user}`]!
      assert.strictEqual(name, user)
      assert.strictEqual(ca, made["nats-tls"]!["ca.crt"])
      assert.match(password!, /^[a-z][0-9a-f]{40,}$/)
      assert.strictEqual(made["nats-passwords"]![`NATS_PASSWORD_${user.toUpperCase()}`], password)
    }
    assert.match(made["darkroom-api-key"]!["DARKROOM_API_KEY"]!, /^\w{32,}$/)
    run("kind")
    assert.deepStrictEqual(secretsOf(), made)
    run("production")
    const more = secretsOf()
    assert.deepInclude(more, { "nats-gateway": made["nats-gateway"]!, "nats-tls": made["nats-tls"]! })
    assert.isDefined(more["nats-agent-edit-h100"]!["password"])
    assert.strictEqual(more["nats-passwords"]!["NATS_PASSWORD_AGENT_EDIT_H100"], more["nats-agent-edit-h100"]!["password"])
  })
})

describe("service accounts", () => {
  /** `resource (names)` and what may be done with it; without what everybody may ask about themselves. */
  const rightsOf = (account: string): Record<string, string> => {
    const { stdout } = kubectl(["auth", "can-i", "--list", "--no-headers", "--namespace=darkroom", `--as=system:serviceaccount:darkroom:${account}`])
    const rows = stdout.split("\n").flatMap((line) => {
      const [, resource, names, verbs] = /^(\S+) +\[[^\]]*\] +\[([^\]]*)\] +\[([^\]]*)\]$/.exec(line.trim()) ?? []
      if (resource === undefined || /^self\w+\./.test(resource)) return []
      return [[names === "" ? resource : `${resource} (${names})`, verbs!.split(" ").sort().join(" ")] as const]
    })
    return Object.fromEntries(rows)
  }

  it("a gateway reads and patches pools, and that is all", () => {
    assert.deepStrictEqual(rightsOf("gateway"), { "gpupools.darkroom.dev": "get list patch watch" })
  })

  it("the operator makes and removes pods, and holds one lease", () => {
    assert.deepStrictEqual(rightsOf("operator"), {
      "pods": "create delete get list patch watch",
      "events": "create patch",
      "gpupools.darkroom.dev": "get list patch watch",
      "gpupools.darkroom.dev/status": "patch",
      "leases.coordination.k8s.io": "create",
      "leases.coordination.k8s.io (darkroom-operator)": "get patch"
    })
  })

  it("the broker and the agents may ask for nothing", () => {
    assert.deepStrictEqual(rightsOf("nats"), {})
    assert.deepStrictEqual(rightsOf("default"), {})
  })
})
