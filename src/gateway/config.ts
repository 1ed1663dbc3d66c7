import { Config, Context, Effect, Layer, Schema } from "effect"
import type { JobKind } from "../contract/Job.ts"
import { DurationText, durationMs } from "../contract/GpuPool.ts"

const durationConfig = (name: string, fallback: string) =>
  Config.schema(DurationText, name).pipe(Config.withDefault(fallback), Config.map(durationMs))

const text = (name: string, fallback: string) => Config.String(name).pipe(Config.withDefault(fallback))
const maybe = (name: string) => text(name, "").pipe(Config.map((value) => (value === "" ? undefined : value)))
const list = (name: string) =>
  text(name, "").pipe(Config.map((value) => value.split(",").map((item) => item.trim()).filter((item) => item !== "")))

const settings = Config.all({
  host: text("HOST", "127.0.0.1"),
  port: Config.Port("PORT").pipe(Config.withDefault(3000)),
  modelsPort: Config.Int("MODELS_PORT").pipe(Config.withDefault(8000)),
  modelsHost: text("MODELS_HOST", "127.0.0.1"),
  modelsAllowedHosts: list("MODELS_ALLOWED_HOSTS"),
  metricsPort: Config.Int("METRICS_PORT").pipe(Config.withDefault(9464)),
  corsOrigins: list("CORS_ORIGINS"),
  /** Whether an image may be given as an https URL. */
  imageUrls: Config.Boolean("IMAGE_URLS").pipe(Config.withDefault(false)),
  dataDir: text("DATA_DIR", ".darkroom"),
  modelsDir: text("MODELS_DIR", "./models"),
  editWaitMs: durationConfig("EDIT_WAIT", "300s"),
  queueTtlMs: durationConfig("QUEUE_TTL", "1h"),
  jobTimeoutMs: durationConfig("JOB_TIMEOUT", "300s"),
  graceMs: durationConfig("GATEWAY_GRACE", "30s"),
  sweepIntervalMs: durationConfig("SWEEP_INTERVAL", "10s"),
  sseKeepAliveMs: durationConfig("SSE_KEEP_ALIVE", "15s"),
  replicasCeiling: Config.Int("POOL_MAX_REPLICAS_CEILING").pipe(Config.withDefault(8)),
  defaultEditPool: maybe("DEFAULT_EDIT_POOL"),
  editModel: maybe("DEFAULT_EDIT_MODEL"),
  imageEditModel: maybe("DEFAULT_IMAGE_EDIT_MODEL"),
  imageModel: maybe("DEFAULT_IMAGE_MODEL"),
  framesModel: maybe("DEFAULT_FRAMES_MODEL"),
  textModel: maybe("DEFAULT_TEXT_MODEL")
})

/** Where pools are written down: `pool.yaml` of one machine, or the custom resources of a cluster. */
export const poolSource = Config.schema(Schema.Literals(["file", "kubernetes"]), "POOL_SOURCE").pipe(Config.withDefault("file" as const))

export interface Settings extends Config.Success<typeof settings> {}

/** Everything the gateway takes from the environment but NATS, blobs and the pools' file, which read their own. */
export class GatewayConfig extends Context.Service<GatewayConfig, Settings>()("darkroom/gateway/GatewayConfig") {
  static readonly layer = Layer.effect(GatewayConfig, Effect.map(settings, (values) => GatewayConfig.of(values)))
}

export const defaultModels = (config: Settings): Readonly<Record<JobKind, string | undefined>> => ({
  edit: config.editModel,
  image_to_image: config.imageEditModel,
  text_to_image: config.imageModel,
  frames: config.framesModel,
  text: config.textModel
})
