import { layer } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { NatsServer, freePort, terminate } from "../../src/testing/NatsServer.ts"
import { serveMemoryApi } from "../../src/testing/apiserver/serve.ts"
import { laneServices } from "./laneServices.ts"
import { live } from "./logServices.ts"
import { kubeOf, memoryApiServer, patiently } from "./operatorRig.ts"
import { type Span, startTraceCollector } from "./traceCollector.ts"

/** The operator as a program, and the traces that it exports. */

/** Plain HTTP is allowed only so. */
const kubeconfigOf = (server: string) => JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "memory", cluster: { server, "insecure-skip-tls-verify": true } }],
  users: [{ name: "nobody", user: {} }],
  contexts: [{ name: "memory", context: { cluster: "memory", user: "nobody", namespace: "default" } }],
  "current-context": "memory"
})

const startProgram = Effect.fnUntraced(function*(server: string, env: Record<string, string>) {
  const broker = yield* NatsServer
  const directory = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "darkroom-operator-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true }))
  )
  const kubeconfig = join(directory, "kubeconfig")
  yield* Effect.promise(() => writeFile(kubeconfig, kubeconfigOf(server)))
  const port = yield* Effect.promise(freePort)
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [fileURLToPath(new URL("../../src/operator/main.ts", import.meta.url))], {
        env: {
          PATH: process.env["PATH"] ?? "",
          KUBECONFIG: kubeconfig,
          NATS_URL: broker.url,
          NATS_MONITOR_URL: broker.monitorUrl,
          METRICS_HOST: "127.0.0.1",
          METRICS_PORT: String(port),
          ...env
        },
        stdio: ["ignore", "ignore", "ignore"]
      })),
    (child) => Effect.promise(() => terminate(child))
  )
})

layer(laneServices, live)("operator", (it) => {
  it.effect("exports what each look at a pool did, as one trace", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      const { endpoint } = yield* serveMemoryApi(server.transport)
      const collector = yield* Effect.acquireRelease(Effect.promise(startTraceCollector), ({ stop }) => Effect.sync(stop))
      yield* startProgram(endpoint.server, collector.env)
      yield* kube.apply("traced", { models: ["noop"], replicas: 1, maxReplicas: 1, placement: { gpu: { count: 0 } } })
      /** From the root down. */
      const pathOf = (span: Span): ReadonlyArray<Span> => {
        const parent = collector.spans.find(({ spanId, traceId }) => spanId === span.parentSpanId && traceId === span.traceId)
        return [...(parent === undefined ? [] : pathOf(parent)), span]
      }
      const seen = () =>
        collector.spans.filter(({ service }) => service === "darkroom-operator").map((span) => {
          const path = pathOf(span)
          return { path: path.map(({ name }) => name).join(" > "), root: path[0]!.spanId }
        })
      const looksWith = (path: string) => new Set(seen().filter((one) => one.path === path).map(({ root }) => root)).size
      const look = "reconcile GpuPool > PoolPods.reconcile"
      const until = (what: string, holds: () => boolean) =>
        patiently(what, Effect.sync(holds)).pipe(
          Effect.catchDefect((defect) => Effect.die(new Error(`${String(defect)}; seen: ${seen().map(({ path }) => path).join("\n")}`)))
        )
      // A parent ends, and so is exported, after its children.
      yield* until("the first look", () => looksWith(`${look} > PoolPods.act > AgentPods.create > KubeClient.create`) > 0)
      yield* until("its word", () => looksWith(`${look} > tellStatus > PoolObjects.writeStatus > KubeClient.apply`) > 0)
      yield* until("other looks, each for itself", () => looksWith(`${look} > measurePool > Lanes.depth`) > 1)
    }), 120_000)
})
