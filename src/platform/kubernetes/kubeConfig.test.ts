import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { loadEndpoint } from "./kubeConfig.ts"

/** Runs with KUBECONFIG naming a file of this content; `undefined`: one that is not there. */
const withKubeconfig = <A, E>(content: object | undefined, run: Effect.Effect<A, E>, settings: Readonly<Record<string, string>> = {}) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "darkroom-kubeconfig-"))
      const before = process.env["KUBECONFIG"]
      process.env["KUBECONFIG"] = join(folder, "config")
      if (content !== undefined) writeFileSync(join(folder, "config"), JSON.stringify(content))
      return { folder, before }
    }),
    () => run,
    ({ before, folder }) =>
      Effect.sync(() => {
        rmSync(folder, { recursive: true })
        if (before === undefined) delete process.env["KUBECONFIG"]
        else process.env["KUBECONFIG"] = before
      })
  ).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(settings))))

const kubeconfig = (cluster: object = {}) => ({
  apiVersion: "v1",
  kind: "Config",
  "current-context": "here",
  clusters: [{ name: "c", cluster: { server: "https://k8s.example:6443/prefix", ...cluster } }],
  users: [{ name: "u", user: { token: "secret\n" } }],
  contexts: [{ name: "here", context: { cluster: "c", user: "u", namespace: "darkroom" } }]
})

const patienceMs = 60_000

describe("loadEndpoint", () => {
  it.effect("takes server, namespace and credentials from the current context", () =>
    withKubeconfig(kubeconfig(), Effect.gen(function*() {
      const { credentials, namespace, server } = yield* loadEndpoint
      assert.strictEqual(server, "https://k8s.example:6443/prefix")
      assert.strictEqual(namespace, "darkroom")
      assert.deepStrictEqual((yield* credentials).headers, { Authorization: "Bearer secret" })
    })), patienceMs)

  it.effect("KUBE_NAMESPACE wins; insecure-skip-tls-verify and tls-server-name are kept", () =>
    withKubeconfig(
      kubeconfig({ "insecure-skip-tls-verify": true, "tls-server-name": "other" }),
      Effect.gen(function*() {
        const { credentials, namespace } = yield* loadEndpoint
        assert.strictEqual(namespace, "elsewhere")
        assert.deepStrictEqual((yield* credentials).tls, { rejectUnauthorized: false, servername: "other" })
      }),
      { KUBE_NAMESPACE: "elsewhere" }
    ), patienceMs)

  const refused = (what: string, content: object | undefined, words: string) =>
    it.effect(what, () =>
      withKubeconfig(content, Effect.gen(function*() {
        const error = yield* Effect.flip(loadEndpoint)
        assert.strictEqual(error._tag, "KubeConfigInvalid")
        assert.include(error.message, words)
      })), patienceMs)

  refused("a file that is not there is named", undefined, "darkroom-kubeconfig-")
  refused("a context without a cluster is named", { ...kubeconfig(), clusters: [] }, "(here) names no cluster")
  refused("a proxy is not supported, and that is said", kubeconfig({ "proxy-url": "http://proxy:3128" }), "proxy-url")
})
