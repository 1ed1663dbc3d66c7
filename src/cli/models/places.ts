import { Config, Effect } from "effect"
import { homedir } from "node:os"
import { delimiter, join, resolve } from "node:path"
import { checkout } from "../place.ts"

/** Where models are and what adding one leaves behind. */
export interface ModelPlaces {
  /** Every folder of MODELS_DIR; new models go into the first. */
  readonly roots: readonly [string, ...Array<string>]
  /** `darkroom` in the user's cache: noted sums, downloads, the exporter's environment. */
  readonly cacheDir: string
  /** Repositories of models that are not whole yet. */
  readonly downloads: string
  readonly exporter: string
}

export const modelPlaces: Effect.Effect<ModelPlaces, Config.ConfigError> = Effect.gen(function*() {
  const dirs = yield* Config.NonEmptyString("MODELS_DIR").pipe(Config.withDefault(join(checkout, "models")))
  const cache = yield* Config.NonEmptyString("XDG_CACHE_HOME").pipe(Config.withDefault(join(homedir(), ".cache")))
  const [first = join(checkout, "models"), ...more] = dirs.split(delimiter).filter((dir) => dir !== "").map((dir) => resolve(dir))
  const cacheDir = join(cache, "darkroom")
  return { roots: [first, ...more], cacheDir, downloads: join(cacheDir, "downloads"), exporter: join(checkout, "scripts", "export") }
})

/** Hidden from the store, so that a model that is being made never looks installed. */
export const unfinishedOf = (root: string, name: string): string => join(root, `.${name}.adding`)
export const removingOf = (root: string, name: string): string => join(root, `.${name}.removing`)
