import { Effect, Result, Schema } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { ModelManifest } from "../../contract/ModelManifest.ts"
import { checksOf } from "../../gpu-agent/models/checks.ts"
import { isNoted } from "../../gpu-agent/models/verification.ts"

/** A folder with a model.json. */
export interface InstalledModel {
  readonly name: string
  readonly folder: string
  /** Why it is none. */
  readonly manifest: Result.Result<ModelManifest, string>
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(ModelManifest))

const readManifest = (folder: string, name: string): Result.Result<ModelManifest, string> | undefined => {
  const path = join(folder, "model.json")
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : Result.fail(`${path} cannot be read: ${(error as Error).message}`)
  }
  const manifest = decode(text)
  if (Result.isFailure(manifest)) return Result.fail(`${path} is not a model manifest: ${manifest.failure.message}`)
  return manifest.success.name === name
    ? Result.succeed(manifest.success)
    : Result.fail(`${path} names the model ${manifest.success.name}, but its folder is ${name}; they must agree`)
}

const modelsIn = (root: string): ReadonlyArray<InstalledModel> => {
  let names: ReadonlyArray<string>
  try {
    names = readdirSync(root).filter((name) => !name.startsWith(".")).sort()
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const folder = join(root, name)
    const manifest = readManifest(folder, name)
    return manifest === undefined ? [] : [{ name, folder, manifest }]
  })
}

/** All models, usable or not; of several with one name the agents take the first, and so does this. */
export const installedModels = (roots: ReadonlyArray<string>): ReadonlyArray<InstalledModel> => {
  const byName = new Map<string, InstalledModel>()
  for (const model of roots.flatMap(modelsIn)) if (!byName.has(model.name)) byName.set(model.name, model)
  return [...byName.values()]
}

/** What is wrong with a model as far as that can be told without reading its weights. */
export const problemAtAGlance = Effect.fnUntraced(function*(model: InstalledModel, cacheDir: string) {
  if (Result.isFailure(model.manifest)) return model.manifest.failure
  for (const { path, problem } of checksOf(model.folder, model.manifest.success, { cacheDir, sums: "skipped" })) {
    const found = yield* problem
    if (found !== undefined) return `${path}: ${found}`
  }
  return undefined
})

/** Whether every sum was found right before and nothing changed since. */
export const isVerifiedModel = Effect.fnUntraced(function*(model: InstalledModel, cacheDir: string) {
  if (Result.isFailure(model.manifest)) return false
  for (const file of model.manifest.success.files) if (!(yield* isNoted(model.folder, file, cacheDir))) return false
  return true
})

export const sizeOf = (manifest: ModelManifest): number => manifest.files.reduce((sum, file) => sum + file.bytes, 0)
