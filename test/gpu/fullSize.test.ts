import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { ModelManifest } from "../../src/contract/ModelManifest.ts"
import { noiseOf } from "../../src/gpu-agent/noise/philox.ts"
import { openPlaced } from "../../src/gpu-agent/onnx/openPlaced.ts"
import { Tensor } from "../../src/gpu-agent/onnx/session.ts"
import { floatsOf } from "../../src/gpu-agent/onnx/tensors.ts"
import { loadSdxl } from "../../src/gpu-agent/pipelines/sdxl/sdxl.ts"
import { card, memoryUsedMiB } from "./card.ts"

/**
 * The real sizes with random weights, as `scripts/export/full_size.py FOLDER` writes them; DARKROOM_FULL_SIZE names the folder.
 * Asserts that the results are numbers, and prints what a step takes and what the card holds.
 */

const folder = process.env["DARKROOM_FULL_SIZE"]
const has = (file: string): boolean => folder !== undefined && existsSync(join(folder, file))
const cuda = { provider: "cuda", threads: 1 } as const
const repeats = 5

const say = (what: string, stepsMs: ReadonlyArray<number>) =>
  console.log(`${card?.name}: ${what}: first ${stepsMs[0]!.toFixed(0)} ms, then ${Math.min(...stepsMs.slice(1)).toFixed(0)} ms at best; ${memoryUsedMiB()} of ${card?.memoryMiB} MiB in use`)

const firered = "firered/transformer_modulated.onnx"
/** A picture of 1024² and one input picture: 4,096 tokens each. */
const imageTokens = 8_192
const textTokens = 250

// Without a card nothing to measure; without the folder (27 GB, never committed) nothing to run.
describe.skipIf(card === undefined || !has(firered))("FireRed's transformer, random weights (DARKROOM_FULL_SIZE)", () => {
  it.effect("one step of an edit at 1024²", () =>
    Effect.scoped(Effect.gen(function*() {
      const session = yield* openPlaced(join(folder!, firered), cuda, [])
      const noise = noiseOf(1)
      const random = (...dims: ReadonlyArray<number>) => new Tensor("float32", noise.normals(dims.reduce((a, b) => a * b, 1)), dims)
      const inputs = {
        hidden_states: random(1, imageTokens, 64),
        encoder_hidden_states: random(1, textTokens, 3_584),
        modulation: random(120, 6 * 3_072),
        norm_out: random(1, 2 * 3_072),
        img_cos: random(imageTokens, 64),
        img_sin: random(imageTokens, 64),
        txt_cos: random(textTokens, 64),
        txt_sin: random(textTokens, 64)
      }
      const stepsMs: Array<number> = []
      for (let step = 0; step < repeats; step++) {
        const begun = performance.now()
        const outputs = yield* session.run(inputs)
        stepsMs.push(performance.now() - begun)
        const values = floatsOf(outputs["noise_prediction"]!)
        assert.strictEqual(values.length, imageTokens * 64)
        assert.isTrue(values.every(Number.isFinite))
      }
      say("a step of 8,192 tokens and 250 of text", stepsMs)
    })))
})

// As above: the card, and the folder's 7 GB.
describe.skipIf(card === undefined || !has("sdxl/model.json"))("Stable Diffusion XL, random weights (DARKROOM_FULL_SIZE)", () => {
  it.effect("a picture of 1024² in 10 steps", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = join(folder!, "sdxl")
      const manifest = Schema.decodeUnknownSync(Schema.fromJsonString(ModelManifest))(readFileSync(join(at, "model.json"), "utf8"))
      const { graphs } = manifest.variants.find(({ execution_provider }) => execution_provider === "cuda")!
      const pipeline = yield* loadSdxl({
        manifest,
        executionProvider: "cuda",
        forceCpu: false,
        hasGraph: (role) => graphs[role] !== undefined,
        openGraph: (role) => openPlaced(join(at, graphs[role]!), cuda, []),
        readAsset: (role) => Effect.promise(() => readFile(join(at, manifest.assets![role]!))),
        readAssetParts: () => Effect.die("sdxl has no tables"),
        memoryMaxBytes: Number.POSITIVE_INFINITY
      })
      const stepsMs: Array<number> = []
      let lastMs = performance.now()
      const onStep = (step: number) => Effect.sync(() => {
        if (step > 0) stepsMs.push(performance.now() - lastMs)
        lastMs = performance.now()
      })
      const parameters = { steps: 10, cfg: 7.5, width: 1_024, height: 1_024 }
      const { images } = yield* pipeline.run({ kind: "text_to_image", prompt: "a photo of a cat", parameters, inputs: [], seed: 1 }, onStep)
      assert.deepInclude(images[0], { width: 1_024, height: 1_024 })
      say("a step with guidance at 1024²", stepsMs)
    })))
})
