import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { ModelManifest } from "../contract/ModelManifest.ts"

const noop = fileURLToPath(new URL("../../test/fixtures/models/noop", import.meta.url))

/** Copies of the test model under other names, each with a manifest changed in part; gives the folder they are in. */
export const writeNoopModels = (folder: string, models: Readonly<Record<string, Partial<ModelManifest> & { readonly memoryBytes?: number }>>): string => {
  const original = JSON.parse(readFileSync(join(noop, "model.json"), "utf8")) as ModelManifest
  for (const [name, { memoryBytes, ...change }] of Object.entries(models)) {
    const variants = original.variants.map((variant) => ({ ...variant, memory_bytes: memoryBytes ?? variant.memory_bytes }))
    mkdirSync(join(folder, name), { recursive: true })
    copyFileSync(join(noop, "noop.onnx"), join(folder, name, "noop.onnx"))
    writeFileSync(join(folder, name, "model.json"), JSON.stringify({ ...original, variants, ...change, name }))
  }
  return folder
}
