import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { JobParameters } from "../../src/contract/Job.ts"
import { resample } from "../../src/gpu-agent/images/resample.ts"
import { noiseOf } from "../../src/gpu-agent/noise/philox.ts"
import { denoise, type Denoising } from "../../src/gpu-agent/pipelines/qwen-image-edit/denoise.ts"
import { guide } from "../../src/gpu-agent/pipelines/qwen-image-edit/guidance.ts"
import { pack } from "../../src/gpu-agent/pipelines/qwen-image-edit/latents.ts"
import { patchesOf } from "../../src/gpu-agent/pipelines/qwen-image-edit/processor.ts"
import { ropePositions, templateTokens, withoutTemplate } from "../../src/gpu-agent/pipelines/qwen-image-edit/prompt.ts"
import { loadQwenImageEdit, openComponents } from "../../src/gpu-agent/pipelines/qwen-image-edit/qwenImageEdit.ts"
import { imageRope, textRope } from "../../src/gpu-agent/pipelines/qwen-image-edit/rope.ts"
import { sigmasOf } from "../../src/gpu-agent/pipelines/qwen-image-edit/schedule.ts"
import { decodeSettings } from "../../src/gpu-agent/pipelines/qwen-image-edit/settings.ts"
import { outputSize, sizeFor } from "../../src/gpu-agent/pipelines/qwen-image-edit/size.ts"
import { gridOf, latentShapeOf } from "../../src/gpu-agent/pipelines/qwen-image-edit/vae.ts"
import type { RawImage } from "../../src/platform/images/hardened.ts"
import { contextOf, difference, goldens, manifestOf } from "./fixtureModel.ts"

/** Against diffusers' QwenImageEditPlusPipeline with the same weights and noise: scripts/export/tiny/qwen_image_edit.py. */

const folder = "tiny-qwen-image-edit"
const { array, json } = goldens("qwen-image-edit")
const manifests = { base: manifestOf(`models/${folder}/model.json`), lightning: manifestOf("golden/qwen-image-edit/lightning.json") }

const floats = (name: string): Float32Array => array(name).data as Float32Array
/** A picture of uint8 [height, width, 3]. */
const image = (name: string): RawImage => {
  const { data, shape } = array(name)
  return { data: data as Uint8Array, height: shape[0]!, width: shape[1]! }
}

const latentTolerance = 1e-4
const pixelTolerance = 1

interface Case {
  readonly name: string
  readonly model: "base" | "lightning"
  readonly images: ReadonlyArray<string>
  readonly prompt: string
  readonly negative?: string
  readonly steps: number
  readonly cfg: number
  readonly seed: number
  readonly adapters?: Readonly<Record<string, number>>
  readonly tokens: ReadonlyArray<number>
  readonly negative_tokens: ReadonlyArray<number> | null
  readonly positions: ReadonlyArray<ReadonlyArray<number>>
  readonly grids: ReadonlyArray<ReadonlyArray<number>>
  readonly sigmas: ReadonlyArray<number>
}
const cases = json("cases") as ReadonlyArray<Case>
const caseOf = (name: string) => cases.find((one) => one.name === name)!
const inputsOf = ({ images }: Case): ReadonlyArray<RawImage> => images.map((name) => image(`${name}`))

const parametersOf = ({ adapters = {}, cfg, negative, seed, steps }: Case): JobParameters => ({
  steps,
  cfg,
  seed,
  ...(negative === undefined ? {} : { negative_prompt: negative }),
  loras: Object.entries(adapters).map(([name, weight]) => ({ name, weight }))
})

/** The pipeline's parts, put together here as they are there, so that one of them can be left out. */
const openParts = (model: Case["model"]) =>
  Effect.gen(function*() {
    const context = contextOf(folder, manifests[model])
    const settings = yield* decodeSettings(manifests[model])
    return { settings, ...(yield* openComponents(context, settings)) }
  })
type Parts = Effect.Success<ReturnType<typeof openParts>>


const conditionImages = (inputs: ReadonlyArray<RawImage>, { settings }: Parts) =>
  inputs.map((input) => {
    const { height, width } = sizeFor(input, settings.areas.condition)
    return resample(input, width, height, "lanczos")
  })

/** Everything that goes into the denoising of a case. */
const denoisingOf = Effect.fnUntraced(function*(parts: Parts, one: Case, inputs: ReadonlyArray<RawImage> = inputsOf(one), drop: (hidden: Float32Array, size: number) => Float32Array = withoutTemplate) {
  const { settings, textEncoder, transformer, vae } = parts
  const hiddenSize = settings.text.hidden_size
  const seen = yield* textEncoder.see(conditionImages(inputs, parts))
  const references = yield* Effect.forEach(inputs, vae.encode)
  const shape = latentShapeOf(outputSize(inputs, settings.areas.vae, settings.vae.scale), settings)
  const grids = [gridOf(shape), ...references.map(({ grid }) => grid)]
  const conditioning = (prompt: string) =>
    Effect.map(textEncoder.encode(prompt, seen), ({ hidden }) => {
      const text = drop(hidden, hiddenSize)
      return { text, rope: textRope(text.length / hiddenSize, grids, settings.transformer) }
    })
  const noise = pack(noiseOf(one.seed).normals(shape.channels * shape.rows * shape.columns), shape)
  const negative = one.cfg > 1 ? yield* conditioning(one.negative ?? " ") : undefined
  return {
    transformer,
    noise,
    references: references.map(({ values }) => values),
    imageRope: imageRope(grids, settings.transformer),
    positive: yield* conditioning(one.prompt),
    ...(negative === undefined ? {} : {
      guidance: { negative, combine: (wanted: Float32Array, unwanted: Float32Array) => guide(wanted, unwanted, one.cfg, 64) }
    }),
    sigmas: sigmasOf(one.steps, noise.length / 64, settings.scheduler),
    loras: { lora_makeup: one.adapters?.["makeup"] ?? 0 }
  } satisfies Denoising
})

const quietly = () => Effect.void

describe("the parts, each on what diffusers gave it", () => {
  it.effect.each(cases)("$name", (one) =>
    Effect.gen(function*() {
      const parts = yield* openParts(one.model)
      const { settings, textEncoder, vae } = parts
      const inputs = inputsOf(one)
      const conditions = conditionImages(inputs, parts)

      const patches = conditions.map((condition) => patchesOf(condition, settings.processor))
      assert.deepStrictEqual(patches.map(({ grid }) => [1, grid.rows, grid.columns]), one.grids.map((grid) => [...grid]))
      const width = 3 * 2 * 14 * 14
      const sampled = patches.flatMap(({ pixels }) => [...pixels].filter((_, i) => (i % width) % 97 === 0))
      assert.isAtMost(difference(sampled, floats(`${one.name}.pixels`)), 1e-6)

      const seen = yield* textEncoder.see(conditions)
      assert.isAtMost(difference(seen.embeds, floats(`${one.name}.image_embeds`)), 1e-5)
      const encoded = yield* textEncoder.encode(one.prompt, seen)
      assert.deepStrictEqual(encoded.tokens, one.tokens)
      if (one.negative_tokens !== null) {
        assert.deepStrictEqual((yield* textEncoder.encode(one.negative ?? " ", seen)).tokens, one.negative_tokens)
      }
      const imageToken = one.tokens.find((token, i) => one.tokens[i + 1] === token && one.tokens.filter((other) => other === token).length > 10)!
      assert.deepStrictEqual(ropePositions(one.tokens, imageToken, seen.grids), one.positions)
      assert.isAtMost(difference(withoutTemplate(encoded.hidden, settings.text.hidden_size), floats(`${one.name}.prompt_embeds`)), 1e-4)

      const references = yield* Effect.forEach(inputs, vae.encode)
      assert.isAtMost(difference(references.flatMap(({ values }) => [...values]), floats(`${one.name}.image_latents`)), 1e-5)

      const job = yield* denoisingOf(parts, one)
      assert.isAtMost(difference(job.sigmas, one.sigmas), 1e-6)
      const latents = yield* denoise(job, quietly)
      assert.isAtMost(difference(latents, floats(`${one.name}.latents`)), latentTolerance)
    }))
})

describe("the pipeline", () => {
  it.effect.each(cases)("gives the pixels of diffusers: $name", (one) =>
    Effect.gen(function*() {
      const pipeline = yield* loadQwenImageEdit(contextOf(folder, manifests[one.model]))
      const steps: Array<string> = []
      const request = { kind: "edit", prompt: one.prompt, parameters: parametersOf(one), inputs: inputsOf(one), seed: one.seed } as const
      const result = yield* pipeline.run(request, (step, of) => Effect.sync(() => void steps.push(`${step}/${of}`)))
      const expected = image(`${one.name}.edited`)
      assert.deepInclude(result.images[0], { width: expected.width, height: expected.height })
      assert.isAtMost(difference(result.images[0]!.data, expected.data), pixelTolerance)
      assert.deepStrictEqual([...new Set(steps)], Array.from({ length: one.steps + 1 }, (_, i) => `${i}/${one.steps}`))
      assert.deepStrictEqual(result.parameters, { steps: one.steps, cfg: one.cfg, seed: one.seed })
    }))
})

describe("each rule matters", () => {
  const away = 100 * latentTolerance
  /** What the latents of a case become when its denoising is changed. */
  const changed = Effect.fnUntraced(function*(name: string, change: (job: Denoising, parts: Parts) => Denoising) {
    const one = caseOf(name)
    const parts = yield* openParts(one.model)
    const job = yield* denoisingOf(parts, one)
    const latents = yield* denoise(change(job, parts), quietly)
    return difference(latents, floats(`${name}.latents`))
  })

  it.effect("rotary embedding", () =>
    Effect.gen(function*() {
      const still = (table: Float32Array) => ({ cos: table.map(() => 1), sin: table.map(() => 0) })
      assert.isAbove(
        yield* changed("one", (job) => ({
          ...job,
          imageRope: still(job.imageRope.cos),
          positive: { ...job.positive, rope: still(job.positive.rope.cos) }
        })),
        away
      )
    }))
  it.effect("the shift mu", () =>
    Effect.gen(function*() {
      const unshifted = (job: Denoising, { settings }: Parts) => ({
        ...job,
        sigmas: sigmasOf(job.sigmas.length - 1, job.noise.length / 64, { ...settings.scheduler, base_shift: 0, max_shift: 0 })
      })
      assert.isAbove(yield* changed("one", unshifted), away)
    }))
  it.effect("the norm that guidance keeps", () =>
    Effect.gen(function*() {
      const plain = (wanted: Float32Array, unwanted: Float32Array) => wanted.map((value, i) => unwanted[i]! + 4 * (value - unwanted[i]!))
      assert.isAbove(yield* changed("cfg", (job) => ({ ...job, guidance: { ...job.guidance!, combine: plain } })), away)
    }))
  it.effect("the template that is dropped", () =>
    Effect.gen(function*() {
      const one = caseOf("one")
      const parts = yield* openParts(one.model)
      for (const drop of [0, templateTokens - 1]) {
        const job = yield* denoisingOf(parts, one, inputsOf(one), (hidden, size) => hidden.subarray(drop * size))
        assert.isAbove(difference(yield* denoise(job, quietly), floats("one.latents")), away, `${drop} tokens dropped`)
      }
    }))
  it.effect("the order of the pictures", () =>
    Effect.gen(function*() {
      const one = caseOf("three")
      const parts = yield* openParts(one.model)
      const [first, second, last] = inputsOf(one)
      const job = yield* denoisingOf(parts, one, [second!, first!, last!])
      assert.isAbove(difference(yield* denoise(job, quietly), floats("three.latents")), away)
    }))
  it.effect("the weight of an adapter", () =>
    Effect.gen(function*() {
      assert.isAbove(yield* changed("adapter", (job) => ({ ...job, loras: { lora_makeup: 0 } })), away)
    }))
})

describe("precomputed modulation", () => {
  it.effect("is what the graph would compute: the noise level alone decides", () =>
    Effect.gen(function*() {
      const one = caseOf("lightning")
      const parts = yield* openParts("lightning")
      const job = yield* denoisingOf(parts, one)
      const times = yield* parts.transformer.times([...job.sigmas.subarray(0, one.steps)])
      assert.deepStrictEqual(times.map((time) => Object.keys(time)), Array.from({ length: one.steps }, () => ["modulation", "norm_out"]))
      const shuffled = { ...parts.transformer, times: () => Effect.succeed(times.toReversed()) }
      const latents = yield* denoise({ ...job, transformer: shuffled }, quietly)
      assert.isAbove(difference(latents, floats("lightning.latents")), 100 * latentTolerance)
    }))
  it.effect("has a row for every step count that the manifest allows, and says so where one is missing", () =>
    Effect.gen(function*() {
      const { settings, transformer } = yield* openParts("lightning")
      for (let steps = settings.steps.min; steps <= settings.steps.max; steps++) {
        const sigmas = sigmasOf(steps, 4096, settings.scheduler)
        assert.strictEqual((yield* transformer.times([...sigmas.subarray(0, steps)])).length, steps)
      }
      assert.include((yield* Effect.flip(transformer.times([0.123]))).message, "0.123")
    }))
})

describe("a request that the model cannot do", () => {
  const refusal = (change: { parameters?: JobParameters; inputs?: ReadonlyArray<RawImage>; prompt?: string }) =>
    Effect.gen(function*() {
      const pipeline = yield* loadQwenImageEdit(contextOf(folder, manifests.base))
      const one = caseOf("one")
      const request = { kind: "edit", prompt: "x", parameters: {}, inputs: inputsOf(one), seed: 1, ...change } as const
      const error = yield* Effect.flip(pipeline.run(request, quietly))
      assert.strictEqual(error._tag === "PipelineError" ? error.class : error._tag, "invalid_input")
      return error.message
    })
  const blank = (width: number, height: number): RawImage => ({ data: new Uint8Array(width * height * 3), width, height })

  it.effect("is told why", () =>
    Effect.gen(function*() {
      const square = image("square")
      assert.include(yield* refusal({ inputs: [] }), "1 to 3 pictures; 0 were given")
      assert.include(yield* refusal({ inputs: [square, square, square, square] }), "4 were given")
      assert.include(yield* refusal({ inputs: [blank(600, 2)] }), "600x2 is too long and narrow")
      assert.include(yield* refusal({ parameters: { steps: 20 } }), "takes 4 to 8 steps, not 20")
      assert.include(yield* refusal({ parameters: { loras: [{ name: "freckles", weight: 1 }] } }), "it has: makeup")
      assert.include(yield* refusal({ parameters: { loras: [{ name: "makeup", weight: 2 }] } }), "it may be -1 to 1.5")
      assert.include(yield* refusal({ prompt: "a <|image_pad|> b" }), "may not contain <|image_pad|>")
    }))
})

describe("on a CPU", () => {
  it.effect("a model made for GPUs is refused, unless forced", () =>
    Effect.gen(function*() {
      const manifest = { ...manifests.base, settings: { ...manifests.base.settings, cpu: "forced_only" } }
      const error = yield* Effect.flip(loadQwenImageEdit(contextOf(folder, manifest)))
      assert.include(error.message, "DARKROOM_FORCE_CPU=1")
      yield* loadQwenImageEdit({ ...contextOf(folder, manifest), forceCpu: true })
    }))
})

describe("a negative prompt without guidance", () => {
  it.effect("changes nothing, and the job says so", () =>
    Effect.gen(function*() {
      const one = caseOf("one")
      const pipeline = yield* loadQwenImageEdit(contextOf(folder, manifests.base))
      const parameters = { ...parametersOf(one), negative_prompt: "ugly" }
      const result = yield* pipeline.run({ kind: "edit", prompt: one.prompt, parameters, inputs: inputsOf(one), seed: one.seed }, quietly)
      assert.isAtMost(difference(result.images[0]!.data, array("one.edited").data as Uint8Array), pixelTolerance)
      assert.deepStrictEqual(result.warnings, ["negative_prompt has no effect without guidance (cfg above 1)."])
    }))
})
