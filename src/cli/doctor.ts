import { Config, Effect, Result, Schema } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { ModelManifest } from "../contract/ModelManifest.ts"
import { logSettings } from "../platform/nats/LogSettings.ts"
import { inspectLog } from "../platform/nats/provision.ts"
import { brokerOf } from "./broker.ts"
import { natsServerVersion } from "./natsServer.ts"
import { checkout, placeOf } from "./place.ts"
import { readRunning } from "./running.ts"

/** One line of the examination. `bad` must be mended; `weak` is less than promised; `none` is not there and need not be. */
interface Finding {
  readonly state: "ok" | "weak" | "bad" | "none"
  readonly what: string
  readonly detail: string
}

const nodeMajorMin = 24

const node: Finding = Number.parseInt(process.versions.node, 10) >= nodeMajorMin
  ? { state: "ok", what: "Node", detail: process.versions.node }
  : { state: "bad", what: "Node", detail: `${process.versions.node} is too old: scripts/up brings ${nodeMajorMin} along` }

const natsServer = Effect.gen(function*() {
  const binary = yield* Config.String("NATS_SERVER_BIN").pipe(Config.withDefault("nats-server"))
  return yield* natsServerVersion(binary).pipe(
    Effect.match({
      onFailure: (error): Finding => ({ state: "bad", what: "nats-server", detail: error.message }),
      onSuccess: (version): Finding => ({ state: "ok", what: "nats-server", detail: version })
    })
  )
})

const broker = (data: string | undefined) =>
  Effect.gen(function*() {
    const running = yield* readRunning(placeOf(data))
    if (running === undefined && process.env["NATS_URL"] === undefined) {
      return [{ state: "none", what: "broker", detail: "Darkroom does not run here (`darkroom up` starts it)" }] as const
    }
    const inspected = yield* Effect.result(
      Effect.flatMap(logSettings, inspectLog).pipe(Effect.provide(brokerOf(data)))
    )
    if (Result.isFailure(inspected)) return [{ state: "bad", what: "broker", detail: String(inspected.failure.message) }] as const
    return inspected.success.length === 0
      ? [{ state: "ok", what: "broker", detail: "durable: every write is on the disk before its answer" }] as const
      : inspected.success.map((warning) => ({ state: "weak", what: "broker", detail: warning }) as const)
  })

const model = (dir: string, name: string): Finding => {
  const path = join(dir, name, "model.json")
  const decoded = Schema.decodeUnknownResult(Schema.fromJsonString(ModelManifest))(readFileSync(path, "utf8"))
  if (Result.isFailure(decoded)) return { state: "bad", what: "model", detail: `${path}: ${decoded.failure.message}` }
  const missing = decoded.success.files.filter((file) => !existsSync(join(dir, name, file.path)))
  return missing.length === 0
    ? { state: "ok", what: "model", detail: `${name} ${decoded.success.version}` }
    : { state: "bad", what: "model", detail: `${name}: ${missing.map((file) => file.path).join(", ")} is missing` }
}

const models = Effect.gen(function*() {
  const dir = yield* Config.String("MODELS_DIR").pipe(Config.withDefault(join(checkout, "models")))
  const names = existsSync(dir) ? readdirSync(dir).filter((name) => existsSync(join(dir, name, "model.json"))) : []
  return names.length === 0
    ? [{ state: "bad", what: "model", detail: `there is none in ${dir} (MODELS_DIR)` } as const]
    : names.map((name) => model(dir, name))
})

/** `darkroom doctor`: prints what it finds; fails when something must be mended. */
export const doctorCommand = Effect.fn("doctorCommand")(function*(options: { readonly data: string | undefined }) {
  const findings: ReadonlyArray<Finding> = [
    node,
    yield* natsServer,
    ...(yield* broker(options.data)),
    ...(yield* models),
    { state: "none", what: "cluster", detail: "not looked for: pools are processes of this machine" }
  ]
  for (const { detail, state, what } of findings) process.stdout.write(`${state.padEnd(5)} ${what.padEnd(12)} ${detail}\n`)
  const bad = findings.filter((finding) => finding.state === "bad").length
  if (bad > 0) return yield* Effect.fail(new Error(`${bad} of ${findings.length} findings must be mended`))
})
