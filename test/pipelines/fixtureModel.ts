import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { ModelManifest } from "../../src/contract/ModelManifest.ts"
import { openSession } from "../../src/gpu-agent/onnx/session.ts"
import type { PipelineContext } from "../../src/gpu-agent/pipelines/Pipeline.ts"
import { readNpy } from "../../src/testing/npy.ts"

/** The tiny models of test/fixtures/models, opened in this process, and the numbers that they are compared with. */

const path = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

export const manifestOf = (file: string): ModelManifest => JSON.parse(readFileSync(path(file), "utf8")) as ModelManifest

/** `manifest`: another than the folder's own, over the same files. */
export const contextOf = (model: string, manifest: ModelManifest = manifestOf(`models/${model}/model.json`)): PipelineContext => {
  const folder = path(`models/${model}`)
  const graphs = manifest.variants.find((variant) => variant.execution_provider === "cpu")!.graphs
  const readAsset = (role: string) => Effect.sync(() => readFileSync(`${folder}/${manifest.assets![role]}`))
  return {
    manifest,
    executionProvider: "cpu",
    forceCpu: false,
    hasGraph: (role) => graphs[role] !== undefined,
    openGraph: (role) => openSession(`${folder}/${graphs[role]}`, { provider: "cpu", threads: 1 }),
    readAsset,
    readAssetParts: (role, parts) =>
      Effect.map(readAsset(role), (file) => parts.map(({ bytes, offset }) => new Uint8Array(file.subarray(offset, offset + bytes)))),
    memoryMaxBytes: 2 ** 30
  }
}

export const goldens = (family: string) => ({
  json: (name: string): any => JSON.parse(readFileSync(path(`golden/${family}/${name}.json`), "utf8")),
  array: (name: string) => readNpy(path(`golden/${family}/${name}.npy`))
})

/** Largest difference of two arrays of the same length. */
export const difference = (left: ArrayLike<number | bigint>, right: ArrayLike<number | bigint>): number => {
  if (left.length !== right.length) throw new Error(`${left.length} numbers and ${right.length}`)
  let largest = 0
  for (let i = 0; i < left.length; i++) {
    const one = Math.abs(Number(left[i]) - Number(right[i]))
    if (Number.isNaN(one)) return Number.POSITIVE_INFINITY
    largest = Math.max(largest, one)
  }
  return largest
}
