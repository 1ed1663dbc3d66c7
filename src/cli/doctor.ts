import { Config, Effect, Result } from "effect"
import { logSettings } from "../platform/nats/LogSettings.ts"
import { inspectLog } from "../platform/nats/provision.ts"
import { brokerOf } from "./broker.ts"
import { type InstalledModel, installedModels, isVerifiedModel, problemAtAGlance } from "./models/installed.ts"
import { modelPlaces } from "./models/places.ts"
import { natsServerVersion } from "./natsServer.ts"
import { placeOf } from "./place.ts"
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

const model = Effect.fnUntraced(function*(installed: InstalledModel, cacheDir: string) {
  const problem = yield* problemAtAGlance(installed, cacheDir)
  if (problem !== undefined || Result.isFailure(installed.manifest)) {
    return { state: "bad", what: "model", detail: `${installed.name}: ${problem}` } satisfies Finding
  }
  const { family, kinds, version } = installed.manifest.success
  const note = (yield* isVerifiedModel(installed, cacheDir)) ? "" : `; sums not checked yet (darkroom models verify ${installed.name})`
  return { state: "ok", what: "model", detail: `${installed.name} ${version}, ${family}: ${kinds.join(", ")}${note}` } satisfies Finding
})

const models = Effect.gen(function*() {
  const { cacheDir, roots } = yield* modelPlaces
  const installed = installedModels(roots)
  return installed.length === 0
    ? [{ state: "bad", what: "model", detail: `there is none in ${roots.join(" or ")} (MODELS_DIR): \`darkroom models list\` says what could be added` } as const]
    : yield* Effect.forEach(installed, (one) => model(one, cacheDir))
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
