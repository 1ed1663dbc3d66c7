import { Config, Effect, Option } from "effect"
import { randomBytes } from "node:crypto"
import { availableParallelism, homedir, hostname, totalmem } from "node:os"
import { join } from "node:path"
import { DurationText, durationMs } from "../contract/GpuPool.ts"
import { Device } from "./onnx/device.ts"

/** Everything the environment can say to an agent, with its defaults (docs/settings.md). */

const minus = (bytes: number) => Math.max(bytes - 512 * 1024 ** 2, bytes / 2)

/** The container's limit, or the machine's memory, less what the agent itself needs. */
const memoryMaxByDefault = (): number => {
  const constrained = process.constrainedMemory()
  return Math.floor(minus(constrained > 0 && constrained < totalmem() ? constrained : totalmem()))
}

const duration = (name: string, fallback: string) =>
  Config.schema(DurationText, name).pipe(Config.withDefault(fallback), Config.map(durationMs))

const names = (text: string): ReadonlyArray<string> => text.split(",").map((name) => name.trim()).filter((name) => name !== "")

const cacheHome = Config.String("XDG_CACHE_HOME").pipe(Config.withDefault(join(homedir(), ".cache")))

const fromEnvironment = Config.all({
  pool: Config.String("DARKROOM_POOL").pipe(Config.withDefault("local")),
  agent: Config.String("AGENT_ID").pipe(Config.withDefault("")),
  modelsDir: Config.String("MODELS_DIR").pipe(Config.withDefault("./models")),
  models: Config.String("DARKROOM_MODELS").pipe(Config.withDefault("starter"), Config.map(names)),
  cacheDir: cacheHome.pipe(Config.map((home) => join(home, "darkroom"))),
  graceMs: duration("AGENT_GRACE", "25s"),
  healthPort: Config.Int("AGENT_HEALTH_PORT").pipe(Config.withDefault(0)),
  healthHost: Config.String("AGENT_HEALTH_HOST").pipe(Config.withDefault("127.0.0.1")),
  device: Config.schema(Device, "DARKROOM_DEVICE").pipe(Config.withDefault("auto" as const)),
  threads: Config.Int("DARKROOM_ENGINE_THREADS").pipe(Config.withDefault(availableParallelism())),
  forceCpu: Config.Boolean("DARKROOM_FORCE_CPU").pipe(Config.withDefault(false)),
  testModels: Config.Boolean("DARKROOM_TEST_MODELS").pipe(Config.withDefault(false)),
  memoryMaxBytes: Config.Int("ENGINE_MEMORY_MAX_BYTES").pipe(Config.withDefault(memoryMaxByDefault())),
  gpuMemoryMaxBytes: Config.option(Config.Int("GPU_MEMORY_MAX_BYTES")).pipe(Config.map(Option.getOrUndefined)),
  cancelHardStopMs: duration("ENGINE_CANCEL_HARD_STOP", "1500ms"),
  loadTimeoutMs: duration("ENGINE_LOAD_TIMEOUT", "10m")
})

/** `--test-models` on the command line is the same as DARKROOM_TEST_MODELS=1. */
export const agentConfig = (args: ReadonlyArray<string>) =>
  Effect.map(fromEnvironment, (config) => ({
    ...config,
    agent: config.agent === "" ? `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}` : config.agent,
    testModels: config.testModels || args.includes("--test-models")
  }))
