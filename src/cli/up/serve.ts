import { Effect, Option, Result, Schema } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { totalmem } from "node:os"
import { join } from "node:path"
import type { JobKind } from "../../contract/Job.ts"
import type { ModelManifest } from "../../contract/ModelManifest.ts"
import { installedManifests } from "../../platform/models/manifests.ts"
import { describeProblem, parsePools, withModels } from "../../platform/pools/document.ts"
import { poolTemplate } from "../../platform/pools/template.ts"
import { checkout, type Place } from "../place.ts"
import { type Defaults, defaultsOf, fits, inPoolOrder, jobKinds, servable, type UpDevice, updatedList } from "./models.ts"
import { CannotStart } from "./settings.ts"

/** What this machine serves: the pool's file with the installed models in it, and a default model for each kind of job. */
export interface Served {
  readonly dir: string
  readonly defaults: Defaults
  /** Installed, and taken out of the pool's list by somebody. */
  readonly unlisted: ReadonlyArray<string>
}

/** The pool that `darkroom up` makes and keeps up to date; others of the file are a person's own. */
const ownPool = "local"

const KnownModels = Schema.fromJsonString(Schema.Array(Schema.String))

const readKnown = (path: string): ReadonlyArray<string> | undefined =>
  existsSync(path) ? Option.getOrUndefined(Schema.decodeUnknownOption(KnownModels)(readFileSync(path, "utf8"))) : undefined

/** Gives the models that all pools of the file list. */
const bringUpToDate = (place: Place, installed: ReadonlyArray<string>, gpus: 0 | 1): Result.Result<ReadonlyArray<string>, CannotStart> => {
  if (!existsSync(place.pools)) writeFileSync(place.pools, poolTemplate(installed, gpus))
  const text = readFileSync(place.pools, "utf8")
  const pools = parsePools(text)
  if (Result.isFailure(pools)) {
    return Result.fail(new CannotStart({ reason: `${place.pools}: ${pools.failure.map(describeProblem).join("; ")}` }))
  }
  const lists = pools.success.map(({ metadata, spec }) => {
    if (metadata.name !== ownPool) return spec.models
    const list = updatedList(spec.models, installed, readKnown(place.models))
    if (list.length === 0 || list.join() === spec.models.join()) return spec.models
    writeFileSync(place.pools, withModels(text, ownPool, list) ?? text)
    return list
  })
  writeFileSync(place.models, JSON.stringify(installed))
  return Result.succeed(lists.flat())
}

const variables = {
  edit: "DEFAULT_EDIT_MODEL",
  image_to_image: "DEFAULT_IMAGE_EDIT_MODEL",
  text_to_image: "DEFAULT_IMAGE_MODEL",
  frames: "DEFAULT_FRAMES_MODEL",
  text: "DEFAULT_TEXT_MODEL"
} as const satisfies Readonly<Record<JobKind, string>>

/** For the gateway. */
export const defaultsEnv = (defaults: Defaults): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(jobKinds.map((kind) => [variables[kind], defaults[kind]]))

/** What the environment says wins, whatever is installed. */
const chosenDefaults = (best: Defaults): Defaults =>
  Object.fromEntries(jobKinds.flatMap((kind) => {
    const chosen = process.env[variables[kind]] || best[kind]
    return chosen === undefined ? [] : [[kind, chosen]]
  }))

export const serveInstalled = Effect.fnUntraced(function*(
  place: Place,
  options: { readonly testModels: boolean; readonly modelsDir: Option.Option<string>; readonly device: UpDevice }
): Effect.fn.Return<Served, CannotStart> {
  const { device, modelsDir, testModels } = options
  const dir = Option.getOrElse(modelsDir, () => join(checkout, testModels ? "test/fixtures/models" : "models"))
  const manifests = servable(yield* installedManifests(dir), { testModels, device })
  if (manifests.length === 0) {
    return yield* new CannotStart({
      reason: `there is no model in ${dir} (MODELS_DIR) that runs on ${device === "auto" ? "this machine" : device}: ` +
        "install one with `darkroom models add NAME`; a checkout and a release bring small ones in models/"
    })
  }
  // One that is too large answers whoever names it with the agent's refusal; nobody gets it unasked.
  const fitsHere = (manifest: ModelManifest) => fits(manifest, device, totalmem())
  const listed = yield* Effect.fromResult(bringUpToDate(place, inPoolOrder(manifests, fitsHere), device === "cuda" ? 1 : 0))
  return {
    dir,
    defaults: chosenDefaults(defaultsOf(manifests.filter((manifest) => listed.includes(manifest.name) && fitsHere(manifest)))),
    unlisted: manifests.map(({ name }) => name).filter((name) => !listed.includes(name))
  }
})
