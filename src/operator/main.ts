import { Config, Effect, Layer, Schema } from "effect"
import { hostname } from "node:os"
import packageJson from "../../package.json" with { type: "json" }
import { KubeClient } from "../platform/kubernetes/KubeClient.ts"
import { lead } from "../platform/kubernetes/Leadership.ts"
import { Connection } from "../platform/nats/Connection.ts"
import { Lanes } from "../platform/nats/Lanes.ts"
import { Presence } from "../platform/nats/Presence.ts"
import { logReady } from "../platform/nats/provision.ts"
import { Signals } from "../platform/nats/Signals.ts"
import { collectOften } from "../platform/processes/collectOften.ts"
import { runProgram } from "../platform/processes/runProgram.ts"
import { Cluster } from "./fleet/Cluster.ts"
import { healthServer } from "./health/HealthServer.ts"
import { OperatorMetrics } from "./health/OperatorMetrics.ts"
import { operate } from "./operator.ts"

/** The operator: turns GpuPools and the jobs in their queues into pods of agents. */

const text = (name: string, otherwise: string) => Config.String(name).pipe(Config.withDefault(otherwise))

const settingsConfig = Config.all({
  identity: text("POD_NAME", hostname()),
  lease: text("LEASE_NAME", "darkroom-operator"),
  concurrency: Config.Int("RECONCILE_CONCURRENCY").pipe(Config.withDefault(16)),
  host: text("METRICS_HOST", "0.0.0.0"),
  port: Config.Port("METRICS_PORT").pipe(Config.withDefault(9464)),
  cpuImage: text("AGENT_IMAGE", `darkroom-agent-cpu:${packageJson.version}`),
  cudaImage: text("AGENT_IMAGE_CUDA", `darkroom-agent-cuda:${packageJson.version}`),
  natsUrl: text("AGENT_NATS_URL", "nats://nats:4222"),
  natsSecret: text("AGENT_NATS_SECRET", ""),
  /** More of every agent's environment, as a JSON object: a trace collector, a log level. */
  environment: Config.schema(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)), "AGENT_ENVIRONMENT").pipe(
    Config.withDefault({})
  )
})

const program = Effect.gen(function*() {
  const { cpuImage, cudaImage, lease, ...settings } = yield* settingsConfig
  const metrics = yield* OperatorMetrics
  const work = operate({ ...settings, image: { cpu: cpuImage, cuda: cudaImage } })
  const onChange = (state: "candidate" | "leading") => Effect.sync(() => metrics.leading(state === "leading"))
  return yield* lead({ name: lease, identity: settings.identity, onChange }, work)
})

const services = Effect.map(settingsConfig, ({ host, port }) =>
  healthServer({ host, port }).pipe(
    Layer.provideMerge(Cluster.layer),
    Layer.provideMerge(Layer.mergeAll(Lanes.layer, Presence.layer, Signals.layer, OperatorMetrics.layer)),
    Layer.provide(logReady),
    Layer.provide(Connection.layer("operator")),
    Layer.provideMerge(KubeClient.layer("darkroom-operator"))
  ))

collectOften()
runProgram("operator", packageJson.version, Effect.provide(program, Layer.unwrap(services)))
