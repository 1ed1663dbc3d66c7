import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { parseAllDocuments } from "yaml"
import { type RunningKubeApiServer, startKubeApiServer } from "../../src/testing/KubeApiServer.ts"
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
        assert.isDefined(container.resources.requests.cpu)
        assert.isDefined(container.resources.limits.memory)
        assert.notMatch(container.image, /:latest$|^[^:]+$/)
      }
    }
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
