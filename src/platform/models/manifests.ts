import { Effect, Option, Schema } from "effect"
import { readdir, readFile } from "node:fs/promises"
import { basename, delimiter, join, resolve } from "node:path"
import { ModelManifest } from "../../contract/ModelManifest.ts"

/** Manifests as they stand in `MODELS_DIR`, for programs that run no model: whether the files are right only an agent finds out. */

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(ModelManifest))

const rootsOf = (modelsDir: string): ReadonlyArray<string> => modelsDir.split(delimiter).filter((root) => root !== "").map((root) => resolve(root))

/** The first folder that has it wins, as it does for agents. */
const read = async (roots: ReadonlyArray<string>, name: string): Promise<ModelManifest | undefined> => {
  for (const root of roots) {
    const text = await readFile(join(root, name, "model.json"), "utf8").catch(() => undefined)
    if (text === undefined) continue
    const manifest = Option.getOrUndefined(decode(text))
    return manifest?.name === name ? manifest : undefined
  }
  return undefined
}

/** `undefined` when this machine does not have it, or what it has is no manifest of this name. */
export const installedManifest = (modelsDir: string, name: string): Effect.Effect<ModelManifest | undefined> =>
  name !== basename(name) || name.startsWith(".") ? Effect.undefined : Effect.promise(() => read(rootsOf(modelsDir), name))

/** All that can be read, by name. */
export const installedManifests = (modelsDir: string): Effect.Effect<ReadonlyArray<ModelManifest>> =>
  Effect.promise(async () => {
    const roots = rootsOf(modelsDir)
    const lists = await Promise.all(roots.map((root) => readdir(root).catch(() => [] as Array<string>)))
    const names = [...new Set(lists.flat())].filter((name) => !name.startsWith(".")).sort()
    const found = await Promise.all(names.map((name) => read(roots, name)))
    return found.filter((manifest) => manifest !== undefined)
  })
