import { Context, Effect, Layer, Schema } from "effect"
import { readdir, readFile } from "node:fs/promises"
import { basename, delimiter, join, resolve } from "node:path"
import { ModelManifest } from "../../contract/ModelManifest.ts"
import { checksOf } from "./checks.ts"

/** A model that cannot be used; `message` says which file is wrong and what to do. */
export class ModelInvalid extends Schema.TaggedError<ModelInvalid>()("ModelInvalid", {
  model: Schema.String,
  message: Schema.String
}) {}

/** A model on disk whose files are the ones its manifest names. */
export interface StoredModel {
  readonly folder: string
  readonly manifest: ModelManifest
}

/** Folders with a `model.json`; every file is checked against its sha256 before the engine sees it. */
export class ModelStore extends Context.Service<ModelStore, {
  readonly get: (name: string) => Effect.Effect<StoredModel, ModelInvalid>
  /** Names of all models found, usable or not. */
  readonly names: Effect.Effect<ReadonlyArray<string>>
}>()("darkroom/gpu-agent/models/ModelStore") {
  /** `modelsDir`: one folder, or several joined as in PATH; the first that has a model wins. */
  static readonly layer = (options: { readonly modelsDir: string; readonly cacheDir: string }) =>
    Layer.sync(ModelStore, () => {
      const roots = options.modelsDir.split(delimiter).filter((root) => root !== "").map((root) => resolve(root))
      return ModelStore.of({
        names: Effect.map(Effect.forEach(roots, namesIn), (lists) => [...new Set(lists.flat())].sort()),
        get: Effect.fn("models.get")((name: string) => open(roots, name, options.cacheDir))
      })
    })
}

const namesIn = (root: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(() =>
    readdir(root, { withFileTypes: true }).then(
      (entries) => entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map((entry) => entry.name),
      () => []
    )
  )

const readManifest = (roots: ReadonlyArray<string>, name: string) =>
  Effect.firstSuccessOf(
    roots.map((root) => {
      const folder = join(root, name)
      const path = join(folder, "model.json")
      return Effect.tryPromise({
        try: async () => ({ folder, path, text: await readFile(path, "utf8") }),
        catch: () => new ModelInvalid({ model: name, message: `There is no model ${name} in ${roots.join(" or ")}: ${path} cannot be read. Set MODELS_DIR, or install the model: \`darkroom models add ${name}\`.` })
      })
    })
  )

const ManifestJson = Schema.fromJsonString(ModelManifest)

const open = Effect.fnUntraced(function*(roots: ReadonlyArray<string>, name: string, cacheDir: string) {
  const invalid = (message: string) => new ModelInvalid({ model: name, message })
  if (name !== basename(name) || name.startsWith(".")) return yield* invalid(`${JSON.stringify(name)} is not a model's name.`)
  const { folder, path, text } = yield* readManifest(roots, name)
  // The schema refuses absolute paths and `..`.
  const manifest = yield* Schema.decodeUnknownEffect(ManifestJson)(text).pipe(
    Effect.mapError((error) => invalid(`${path} is not a model manifest: ${error.message}`))
  )
  if (manifest.name !== name) return yield* invalid(`${path} names the model ${manifest.name}, but its folder is ${name}; they must agree.`)
  for (const { path, problem } of checksOf(folder, manifest, { cacheDir, sums: "noted" })) {
    const found = yield* problem
    if (found !== undefined) return yield* invalid(`${join(folder, path)}: ${found}`)
  }
  return { folder, manifest }
})
