import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { loadEndpoint } from "./kubeConfig.ts"

interface Options {
  readonly settings?: Readonly<Record<string, string>>
  /** Beside the kubeconfig. */
  readonly files?: Readonly<Record<string, string>>
  readonly reader?: "plain" | "client-node"
}

/** Runs with KUBECONFIG naming a file of this content; `undefined`: one that is not there. */
const withKubeconfig = <A, E>(
  content: object | undefined,
  run: Effect.Effect<A, E>,
  { files = {}, reader = "client-node", settings = {} }: Options = {}
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "darkroom-kubeconfig-"))
      const before = process.env["KUBECONFIG"]
      process.env["KUBECONFIG"] = join(folder, "config")
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
      if (content !== undefined) writeFileSync(join(folder, "config"), JSON.stringify(content))
      return { folder, before }
    }),
    ({ folder }) => {
      // client-node looks into the environment itself; what is not in the configuration is its to find.
      const named = reader === "plain" ? { KUBECONFIG: join(folder, "config") } : {}
      return run.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ ...settings, ...named }))))
    },
    ({ before, folder }) =>
      Effect.sync(() => {
        rmSync(folder, { recursive: true })
        if (before === undefined) delete process.env["KUBECONFIG"]
        else process.env["KUBECONFIG"] = before
      })
  )

const kubeconfig = (cluster: object = {}) => ({
  apiVersion: "v1",
  kind: "Config",
  "current-context": "here",
  clusters: [{ name: "c", cluster: { server: "https://k8s.example:6443/prefix", ...cluster } }],
  users: [{ name: "u", user: { token: "secret\n" } }],
  contexts: [{ name: "here", context: { cluster: "c", user: "u", namespace: "darkroom" } }]
})

const patienceMs = 60_000

describe.each(["plain", "client-node"] as const)("loadEndpoint, %s", (reader) => {
  it.effect("takes server, namespace and credentials from the current context", () =>
    withKubeconfig(kubeconfig(), Effect.gen(function*() {
      const { credentials, namespace, server } = yield* loadEndpoint
      assert.strictEqual(server, "https://k8s.example:6443/prefix")
      assert.strictEqual(namespace, "darkroom")
      assert.deepStrictEqual((yield* credentials).headers, { Authorization: "Bearer secret" })
    }), { reader }), patienceMs)

  it.effect("KUBE_NAMESPACE wins; insecure-skip-tls-verify and tls-server-name are kept", () =>
    withKubeconfig(
      kubeconfig({ "insecure-skip-tls-verify": true, "tls-server-name": "other" }),
      Effect.gen(function*() {
        const { credentials, namespace } = yield* loadEndpoint
        assert.strictEqual(namespace, "elsewhere")
        assert.deepStrictEqual((yield* credentials).tls, { rejectUnauthorized: false, servername: "other" })
      }),
      { settings: { KUBE_NAMESPACE: "elsewhere" }, reader }
    ), patienceMs)

  it.effect("certificates are taken from the file itself and from files beside it", () =>
    withKubeconfig(
      {
        ...kubeconfig({ "certificate-authority": "ca.crt" }),
        users: [{ name: "u", user: { "client-certificate-data": Buffer.from("CERT").toString("base64"), "client-key": "u.key" } }]
      },
      Effect.gen(function*() {
        const { tls } = yield* (yield* loadEndpoint).credentials
        assert.deepStrictEqual(tls, { ca: "CA", cert: "CERT", key: "KEY" })
      }),
      { files: { "ca.crt": "CA", "u.key": "KEY" }, reader }
    ), patienceMs)
})

describe("loadEndpoint", () => {
  it.effect("a user that a program speaks for is client-node's, wherever it is named", () =>
    withKubeconfig(
      {
        ...kubeconfig(),
        users: [{
          name: "u",
          user: {
            exec: {
              apiVersion: "client.authentication.k8s.io/v1",
              command: process.execPath,
              args: ["-e", "console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'told' } }))"],
              interactiveMode: "Never"
            }
          }
        }]
      },
      Effect.gen(function*() {
        const { headers } = yield* (yield* loadEndpoint).credentials
        assert.deepStrictEqual(headers, { Authorization: "Bearer told" })
      }),
      { reader: "plain" }
    ), patienceMs)

  const refused = (what: string, content: object | undefined, words: string) =>
    it.effect.each(["plain", "client-node"] as const)(`${what}, %s`, (reader) =>
      withKubeconfig(content, Effect.gen(function*() {
        const error = yield* Effect.flip(loadEndpoint)
        assert.strictEqual(error._tag, "KubeConfigInvalid")
        assert.include(error.message, words)
      }), { reader }), patienceMs)

  refused("a file that is not there is named", undefined, "darkroom-kubeconfig-")
  refused("a context without a cluster is named", { ...kubeconfig(), clusters: [] }, "(here) names no cluster")
  refused("a proxy is not supported, and that is said", kubeconfig({ "proxy-url": "http://proxy:3128" }), "proxy-url")
})
