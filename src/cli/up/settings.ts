import { Config, Effect, Option, Schema } from "effect"
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { generateKey, keyProblem } from "../../platform/nats/keyFormat.ts"
import type { Place } from "../place.ts"

/** Something must be mended before the system can start; the message says what. */
export class CannotStart extends Schema.TaggedError<CannotStart>()("CannotStart", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

const Port = Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65_535 }))
/** 0: any free one. */
const port = (name: string) => Config.schema(Port, name)

export const upSettings = Config.all({
  port: port("PORT").pipe(Config.withDefault(3000)),
  modelsPort: port("MODELS_PORT").pipe(Config.withDefault(8000)),
  metricsPort: Config.option(port("METRICS_PORT")),
  natsPort: Config.option(port("NATS_PORT")),
  natsServer: Config.String("NATS_SERVER_BIN").pipe(Config.withDefault("nats-server")),
  modelsDir: Config.option(Config.NonEmptyString("MODELS_DIR")),
  device: Config.schema(Schema.Literals(["auto", "cpu", "cuda"]), "DARKROOM_DEVICE").pipe(Config.withDefault("cpu" as const)),
  key: Config.option(Config.NonEmptyString("DARKROOM_API_KEY"))
})

const writePrivately = (path: string, text: string): void => {
  writeFileSync(path, text, { mode: 0o600 })
  chmodSync(path, 0o600)
}

/** The key of this system: from the environment, else the one made at the first start. */
export const systemKey = (place: Place, given: Option.Option<string>): Effect.Effect<string, CannotStart> =>
  Effect.suspend(() => {
    const key = Option.getOrElse(given, () => {
      if (!existsSync(place.key)) writePrivately(place.key, `${generateKey()}\n`)
      return readFileSync(place.key, "utf8").trim()
    })
    const problem = keyProblem(key)
    const source = Option.isSome(given) ? "DARKROOM_API_KEY" : place.key
    return problem === undefined ? Effect.succeed(key) : Effect.fail(new CannotStart({ reason: `${source}: ${problem}` }))
  })

/** Folders for what is kept. */
export const prepareFolders = (place: Place): Effect.Effect<void> =>
  Effect.sync(() => {
    for (const folder of [place.data, place.logs, place.gateway, place.fleet]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  })
