import { Config, Effect, Option, Schema } from "effect"
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { generateKey, keyProblem } from "../../platform/nats/keyFormat.ts"
import { poolTemplate } from "../../platform/pools/template.ts"
import { checkout, type Place } from "../place.ts"

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

/** Folders, and a pool file where there is none. */
export const prepareFolders = (place: Place, models: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.sync(() => {
    for (const folder of [place.data, place.logs, place.gateway, place.fleet]) mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (!existsSync(place.pools)) writeFileSync(place.pools, poolTemplate(models))
  })

/** Which models are served, and from where. */
export const modelsOf = (testModels: boolean, modelsDir: Option.Option<string>): Effect.Effect<{ readonly dir: string; readonly names: ReadonlyArray<string> }, CannotStart> =>
  Effect.suspend(() => {
    const dir = Option.getOrElse(modelsDir, () => join(checkout, testModels ? "test/fixtures/models" : "models"))
    const [name, fix] = testModels ? ["noop", "a checkout has it; packages do not"] : ["starter", "scripts/train-starter makes it; a release brings it"]
    return existsSync(join(dir, name, "model.json"))
      ? Effect.succeed({ dir, names: [name] })
      : Effect.fail(new CannotStart({ reason: `the model "${name}" is missing in ${dir} (MODELS_DIR): ${fix}` }))
  })
