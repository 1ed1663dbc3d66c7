import { ConfigProvider, Effect, Layer, Schedule } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import { type Reflector, reflect } from "../../src/platform/kubernetes/Reflector.ts"
import { gpuPools, keyOf, type Pod, pods, type StoredGpuPool } from "../../src/platform/kubernetes/resources.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { type RunningKubeApiServer, startKubeApiServer } from "../../src/testing/KubeApiServer.ts"
import { freePort, type RunningNatsServer, startNatsServer } from "../../src/testing/NatsServer.ts"
import { AuditLog } from "./calls.ts"
import { nodeProgram, type RunningProgram } from "./programs.ts"

/** A kube-apiserver on etcd, a broker that fsyncs every event, and the operator, each a process of its own. No nodes. */
export interface Site {
  readonly folder: string
  readonly api: RunningKubeApiServer
  readonly broker: RunningNatsServer
  readonly audit: AuditLog
  readonly operator: RunningProgram
  /** For programs that talk to both. */
  readonly env: Readonly<Record<string, string>>
  readonly client: KubeClient["Service"]
  readonly connection: Connection["Service"]
  /** Looks at pools so far, by the operator's own count. */
  readonly reconciles: Effect.Effect<number>
  readonly pools: Reflector<StoredGpuPool>
  readonly pods: Reflector<Pod>
}

export const namespace = "darkroom"
/** As programs name themselves to the API server. */
export const operatorAgent = "darkroom-operator"
const patience = "120 seconds"

/** Looks every 5 ms; dies with what `explain` says when it takes longer than the limit or when the program has ended. */
export const until = <E, R>(what: string, program: RunningProgram, check: Effect.Effect<boolean, E, R>, explain: () => string = () => "") => {
  const never = (why: string) => Effect.die(new Error(`never: ${what}; ${why}\n${explain()}\nThe log of the ${program.name} ends with:\n${program.log().slice(-2_000)}`))
  return Effect.suspend(() => (program.hasEnded() ? never(`the ${program.name} has ended`) : check)).pipe(
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("5 millis") }),
    Effect.timeoutOrElse({ duration: patience, orElse: () => never(`not within ${patience}`) }),
    Effect.asVoid
  )
}

const scopedFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "darkroom-bench-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const isReady = (url: string) =>
  Effect.promise(() => fetch(url, { signal: AbortSignal.timeout(2_000) }).then((answer) => answer.ok, () => false))

export interface SiteOptions {
  /** Of Node and V8, for the operator: to profile it, or to see what a setting does. */
  readonly operatorFlags: ReadonlyArray<string>
}

/**
 * The operator's environment as its image has it. Compiled code is kept by a first start, which ends at once without a
 * broker: without it, the program that strips types stays in memory.
 */
const imageEnv = Effect.fnUntraced(function*(folder: string, flags: ReadonlyArray<string>) {
  const env = { NODE_COMPILE_CACHE: join(folder, "compile-cache"), MALLOC_ARENA_MAX: "2" }
  yield* Effect.scoped(Effect.gen(function*() {
    const first = yield* nodeProgram({ name: "first-start", entry: "src/operator/main.ts", env: { ...env, NATS_URL: "nats://127.0.0.1:1" }, flags, folder })
    while (!first.hasEnded()) yield* Effect.sleep("50 millis")
  }))
  return env
})

/** Starts it all; the operator leads when this is done. */
export const startSite = Effect.fnUntraced(function*({ operatorFlags }: SiteOptions) {
  const folder = yield* scopedFolder
  const audit = new AuditLog(folder)
  const api = yield* Effect.acquireRelease(
    Effect.promise(() => startKubeApiServer({ flags: audit.flags })),
    (server) => Effect.promise(() => server.stop())
  )
  const broker = yield* Effect.acquireRelease(Effect.promise(() => startNatsServer()), (server) => Effect.promise(() => server.stop()))
  yield* Effect.promise(() => api.makeNamespace(namespace))
  // Copied, because a program that is killed takes its own folder with it.
  const kubeconfig = join(folder, "kubeconfig")
  writeFileSync(kubeconfig, readFileSync(api.kubeconfig))
  const env = { KUBECONFIG: kubeconfig, KUBE_NAMESPACE: namespace, NATS_URL: broker.url, NATS_MONITOR_URL: broker.monitorUrl, LOG_FORMAT: "json" }
  const port = yield* Effect.promise(freePort)
  const operator = yield* nodeProgram({
    name: "operator",
    entry: "src/operator/main.ts",
    env: { ...env, ...(yield* imageEnv(folder, operatorFlags)), METRICS_PORT: String(port), POD_NAME: "operator-0" },
    flags: operatorFlags,
    folder
  })
  const metrics = Effect.promise(() => fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text(), () => ""))
  yield* until("the operator leads", operator, Effect.map(metrics, (text) => text.includes("darkroom_operator_leading 1")))
  const reconciles = Effect.map(metrics, (text) =>
    [...text.matchAll(/^darkroom_operator_reconciles_total\{.*\} (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0))
  const services = yield* Layer.build(
    Layer.mergeAll(KubeClient.at(api.endpoint(namespace), "darkroom-bench"), Connection.layer("bench")).pipe(
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: broker.url })))
    )
  )
  const own = Effect.provide(Effect.all({ client: KubeClient, connection: Connection, pools: reflect(gpuPools), pods: reflect(pods) }), services)
  return { folder, api, broker, audit, operator, env, reconciles, ...(yield* own) } satisfies Site as Site
})

export interface Gateway extends RunningProgram {
  readonly url: string
  readonly key: string
}

const fixtureModels = fileURLToPath(new URL("../../test/fixtures/models", import.meta.url))

/** As in a cluster: it reads the pools from the API server. */
export const startGateway = Effect.fnUntraced(function*({ env, folder }: Site) {
  const [port, metricsPort] = yield* Effect.promise(() => Promise.all([freePort(), freePort()]))
  const key = "bench-0123456789abcdef0123456789abcdef"
  const program = yield* nodeProgram({
    name: "gateway",
    entry: "src/gateway/main.ts",
    env: {
      ...env,
      POOL_SOURCE: "kubernetes",
      DARKROOM_API_KEY: key,
      DARKROOM_TEST_MODELS: "1",
      MODELS_DIR: fixtureModels,
      DATA_DIR: join(folder, "gateway-data"),
      PORT: String(port),
      MODELS_PORT: "0",
      METRICS_PORT: String(metricsPort)
    },
    folder
  })
  const url = `http://127.0.0.1:${port}`
  yield* until("the gateway is ready", program, isReady(`${url}/readyz`))
  return { ...program, url, key } satisfies Gateway as Gateway
})

export const makePool = ({ client }: Site, name: string, spec: Readonly<Record<string, unknown>>) =>
  client.create(gpuPools, { metadata: { name }, spec })

export const poolOf = ({ pools }: Site, name: string) => pools.get(keyOf({ metadata: { namespace, name } }))
