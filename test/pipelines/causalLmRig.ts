import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { ModelManifest } from "../../src/contract/ModelManifest.ts"
import { openSession } from "../../src/gpu-agent/onnx/session.ts"
import { loadCausalLm } from "../../src/gpu-agent/pipelines/causal-lm/causalLm.ts"
import { type CausalLmSettings, settingsOf } from "../../src/gpu-agent/pipelines/causal-lm/settings.ts"
import type { PipelineContext, PipelineRequest } from "../../src/gpu-agent/pipelines/Pipeline.ts"
import { makeTokenizer } from "../../src/gpu-agent/tokenizers/Tokenizer.ts"
import { readNpy } from "../../src/testing/npy.ts"

/** The tiny Mistral of scripts/export/tiny/causal_lm.py, its graphs, and what transformers says of it. */

const fixture = (path: string) => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url))
const folder = fixture("models/tiny-causal-lm")
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"))

export const manifest = Schema.decodeUnknownSync(ModelManifest)(readJson(join(folder, "model.json")))
export const settings: CausalLmSettings = Effect.runSync(settingsOf(manifest))
export const tokenizer = makeTokenizer(readJson(join(folder, "tokenizer.json")), readJson(join(folder, "tokenizer_config.json")))

export interface Golden {
  readonly tokens: ReadonlyArray<{
    readonly prompt: string
    readonly rendered: string
    readonly ids: ReadonlyArray<number>
    readonly plain: ReadonlyArray<number>
    readonly decoded: string
  }>
  readonly greedy: ReadonlyArray<{ readonly prompt: string; readonly tokens: ReadonlyArray<number>; readonly text: string }>
  readonly odds: ReadonlyArray<{
    readonly temperature: number
    readonly top_p: number
    readonly ids: ReadonlyArray<number>
    readonly odds: ReadonlyArray<number>
  }>
}
export const golden: Golden = readJson(fixture("golden/causal-lm/golden.json"))

const { data, shape } = readNpy(fixture("golden/causal-lm/logits.npy"))
const [, positions = 0, vocabulary = 0] = shape
/** Of a golden case: 0 after the prompt, 1 after one more token, 2 after the whole answer. */
export const goldenLogits = (index: number, position: number): Float32Array => {
  const at = (index * positions + position) * vocabulary
  return (data as Float32Array).subarray(at, at + vocabulary)
}

export const graphPaths = { generate: "fp32/generate.onnx", decoder: "fp32/decoder.onnx", half: "fp16/generate.onnx", builder: "builder/model.onnx" } as const
export const open = (graph: keyof typeof graphPaths, provider: "cpu" | "cuda" = "cpu") => openSession(join(folder, graphPaths[graph]), { provider, threads: 1 })

/** The model with these graphs alone, by role. */
export const load = (graphs: Readonly<Record<string, keyof typeof graphPaths>>, changed: Partial<ModelManifest> = {}) =>
  loadCausalLm({
    manifest: { ...manifest, ...changed },
    openGraph: (role: string) => open(graphs[role]!),
    hasGraph: (role: string) => graphs[role] !== undefined,
    readAsset: (role: string) => Effect.sync(() => readFileSync(join(folder, manifest.assets![role]!))),
    memoryMaxBytes: 1e9
  } as unknown as PipelineContext)

export const request = (prompt: string, parameters: PipelineRequest["parameters"] = {}, seed = 7): PipelineRequest => ({
  kind: "text",
  prompt,
  parameters,
  inputs: [],
  seed
})

export const quiet = () => Effect.void
