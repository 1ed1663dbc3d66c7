import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import type { JobParameters } from "../../src/contract/Job.ts"
import { noiseOf } from "../../src/gpu-agent/noise/philox.ts"
import type { PipelineRequest } from "../../src/gpu-agent/pipelines/Pipeline.ts"
import { timeIdsOf } from "../../src/gpu-agent/pipelines/sdxl/conditioning.ts"
import { conditionsOf } from "../../src/gpu-agent/pipelines/sdxl/conditions.ts"
import { denoise } from "../../src/gpu-agent/pipelines/sdxl/denoise.ts"
import { imageToImage } from "../../src/gpu-agent/pipelines/sdxl/imageToImage.ts"
import { openModel, type SdxlModel } from "../../src/gpu-agent/pipelines/sdxl/model.ts"
import { eulerSchedule, fromStrength } from "../../src/gpu-agent/pipelines/sdxl/schedule.ts"
import { frames, textToImage } from "../../src/gpu-agent/pipelines/sdxl/textToImage.ts"
import { contextOf, difference, goldens } from "./fixtureModel.ts"

/** The sdxl family against diffusers, on a model of random weights: scripts/export/tiny/sdxl.py wrote both sides. */

const latentsMax = 1e-4
const pixelsMax = 1
/** What a forgotten rule must cost at least, in latents. */
const mistakeMin = 100 * latentsMax

class Model extends Context.Service<Model, SdxlModel>()("test/Model") {
  static readonly layer = Layer.effect(Model, openModel(contextOf("tiny-sdxl")))
}

const golden = goldens("sdxl")
const cases = golden.json("cases")

interface Case extends JobParameters {
  readonly prompt: string
  readonly seed: number
  readonly input?: readonly [number, number]
}

const requestOf = (name: string): PipelineRequest => {
  const { input, prompt, ...parameters } = (cases.text_to_image[name] ?? cases.image_to_image[name]) as Case
  const inputs = input === undefined ? [] : [{ data: golden.array(`${name}-input`).data as Uint8Array, width: input[0], height: input[1] }]
  return { kind: input === undefined ? "text_to_image" : "image_to_image", prompt, parameters, inputs, seed: parameters.seed }
}

const silent = () => Effect.void

/** One picture and the latents that it was decoded from. */
const drawn = Effect.fnUntraced(function*(model: SdxlModel, request: PipelineRequest) {
  const latents: Array<Float32Array> = []
  const decode: SdxlModel["vae"]["decode"] = (given, size) => Effect.suspend(() => {
    latents.push(given)
    return model.vae.decode(given, size)
  })
  const run = { text_to_image: textToImage, image_to_image: imageToImage, frames }[request.kind as "frames"]
  const result = yield* run({ ...model, vae: { ...model.vae, decode } }, request, silent)
  return { ...result, latents }
})

describe("tokens", () => {
  layer(Model.layer)((it) => {
    for (const { cut, prompt, tokenizer, tokenizer_2 } of cases.tokens) {
      it.effect(`of ${JSON.stringify(prompt.slice(0, 40))} are those of transformers`, () =>
        Effect.gen(function*() {
          const [first, second] = (yield* Model).textEncoders.tokenise(prompt)
          assert.deepStrictEqual(first.ids, tokenizer)
          assert.deepStrictEqual(second.ids, tokenizer_2)
          assert.strictEqual(first.cut ?? null, cut)
        }))
    }
  })
})

describe("schedule", () => {
  const settings = contextOf("tiny-sdxl").manifest.settings["scheduler"] as SdxlModel["settings"]["scheduler"]
  for (const { initial_scale, sigmas, steps, timesteps } of cases.schedules) {
    it(`of ${steps} steps is that of EulerDiscreteScheduler`, () => {
      const schedule = eulerSchedule(settings, steps)
      assert.deepStrictEqual(schedule.timesteps, timesteps)
      assert.isBelow(difference(schedule.sigmas, sigmas), 1e-5)
      assert.approximately(schedule.initialScale, initial_scale, 1e-5)
    })
  }
  it("gives the published numbers", () => {
    const { initialScale, sigmas, timesteps } = eulerSchedule(settings, 30)
    assert.deepStrictEqual([...timesteps.slice(0, 3), ...timesteps.slice(-2)], [958, 925, 892, 34, 1])
    ;[11.476851, 9.543586, 8.004313].forEach((sigma, i) => assert.approximately(sigmas[i]!, sigma, 1e-5))
    assert.approximately(sigmas.at(-2)!, 0.041314, 1e-6)
    assert.strictEqual(sigmas.at(-1), 0)
    assert.approximately(initialScale, 11.520334, 1e-5)
    const fifty = eulerSchedule(settings, 50)
    assert.deepStrictEqual(fifty.timesteps.slice(0, 2), [981, 961])
    assert.approximately(fifty.sigmas[0]!, 13.120416, 1e-5)
    assert.approximately(fifty.initialScale, 13.158469, 1e-5)
  })
  for (const { steps, strength, timesteps } of cases.strengths) {
    it(`of ${steps} steps leaves ${timesteps.length} at strength ${strength}`, () =>
      assert.deepStrictEqual(fromStrength(eulerSchedule(settings, steps), strength)?.timesteps ?? [], timesteps))
  }
})

layer(Model.layer)("each part is that of diffusers", (it) => {
  for (const index of [0, 3, 7]) {
    it.effect(`text encoders, prompt ${index}`, () =>
      Effect.gen(function*() {
        const { encode } = (yield* Model).textEncoders
        const { hidden, pooled } = yield* encode(cases.tokens[index].prompt, { lora_tiny_adapter: 0 })
        assert.isBelow(difference(hidden, golden.array(`prompt-${index}-hidden`).data), 1e-5)
        assert.isBelow(difference(pooled, golden.array(`prompt-${index}-pooled`).data), 1e-5)
      }))
  }
  it.effect("UNet, with sides that its levels do not divide", () =>
    Effect.gen(function*() {
      const { predictNoise, textEncoders } = yield* Model
      const text = yield* textEncoders.encode(cases.tokens[0].prompt, { lora_tiny_adapter: 0 })
      const conditionings = [{ ...text, timeIds: timeIdsOf({ width: 136, height: 72 }) }]
      const latents = noiseOf(21).normals(4 * 9 * 17)
      const [noise] = yield* predictNoise({ latents, shape: [4, 9, 17], timestep: 501, conditionings, loras: { lora_tiny_adapter: 0 } })
      assert.isBelow(difference(noise!, golden.array("unet").data), 1e-5)
    }))
  it.effect("VAE", () =>
    Effect.gen(function*() {
      const { vae } = yield* Model
      const image = { data: golden.array("picture").data as Uint8Array, width: 136, height: 72 }
      const encoded = yield* vae.encode!(image, noiseOf(22).normals(4 * 9 * 17))
      assert.isBelow(difference(encoded, golden.array("encoded").data), 1e-5)
      const decoded = yield* vae.decode(noiseOf(21).normals(4 * 9 * 17).map((value) => value * 5), image)
      assert.isAtMost(difference(decoded.data, golden.array("decoded").data), pixelsMax)
    }))
})

layer(Model.layer)("whole pictures are those of diffusers", (it) => {
  for (const name of [...Object.keys(cases.text_to_image), ...Object.keys(cases.image_to_image)]) {
    it.effect(name, () =>
      Effect.gen(function*() {
        const request = requestOf(name)
        const { images, latents } = yield* drawn(yield* Model, request)
        assert.isAtMost(difference(latents[0]!, golden.array(`${name}-latents`).data), latentsMax)
        const expected = golden.array(`${name}-pixels`)
        assert.deepStrictEqual([images[0]!.height, images[0]!.width, 3], [...expected.shape])
        assert.isAtMost(difference(images[0]!.data, expected.data), pixelsMax)
      }))
  }
})

layer(Model.layer)("words", (it) => {
  it.effect("without guidance are read once a step, with it together with the negative ones", () =>
    Effect.gen(function*() {
      const model = yield* Model
      const predictions: Array<number> = []
      const counting: SdxlModel = {
        ...model,
        predictNoise: (input) => Effect.suspend(() => {
          predictions.push(input.conditionings.length)
          return model.predictNoise(input)
        })
      }
      yield* drawn(counting, requestOf("unguided"))
      yield* drawn(counting, requestOf("one-step"))
      assert.deepStrictEqual(predictions, [1, 1, 1, 1, 2])
    }))
  it.effect("that the model does not read are named, of both prompts", () =>
    Effect.gen(function*() {
      const { warnings } = yield* drawn(yield* Model, requestOf("thirty-steps"))
      const { cut } = cases.tokens.at(-1)
      assert.deepStrictEqual(warnings, ["The prompt", "The negative prompt"].map((what) => `${what} is longer than the 75 tokens that the model reads; left out: "${cut}"`))
    }))
  it.effect("that guide nothing are named", () =>
    Effect.gen(function*() {
      const { parameters, ...request } = requestOf("unguided")
      const { warnings } = yield* drawn(yield* Model, { ...request, parameters: { ...parameters, negative_prompt: "blurry" } })
      assert.include(warnings.join(), "negative prompt has no effect")
    }))
})

layer(Model.layer)("what cannot be drawn is refused as the caller's", (it) => {
  const refusal = (change: (request: PipelineRequest) => PipelineRequest, model: (whole: SdxlModel) => SdxlModel = (whole) => whole) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(drawn(model(yield* Model), change(requestOf("half"))))
      assert.deepInclude(error, { _tag: "PipelineError", class: "invalid_input" })
      return error.message
    })
  const having = (parameters: JobParameters) => (request: PipelineRequest): PipelineRequest => ({ ...request, parameters: { ...request.parameters, ...parameters } })

  it.effect("sides that are no multiples of 8", () =>
    Effect.gen(function*() {
      const message = yield* refusal((request) => having({ width: 100, height: 64 })({ ...request, kind: "text_to_image" }))
      assert.include(message, "100 and 64; they must be multiples of 8")
    }))
  it.effect("a strength that leaves no step, with the least that does", () =>
    Effect.gen(function*() {
      assert.include(yield* refusal(having({ strength: 0.1 })), "at least 0.167")
      assert.lengthOf((yield* drawn(yield* Model, having({ strength: 0.167 })(requestOf("half")))).images, 1)
    }))
  it.effect("an edit without a picture", () =>
    Effect.gen(function*() {
      assert.include(yield* refusal((request) => ({ ...request, inputs: [] })), "none was given")
    }))
  it.effect("an edit by a model that cannot read pictures", () =>
    Effect.gen(function*() {
      assert.include(yield* refusal((request) => request, (whole) => ({ ...whole, vae: { ...whole.vae, encode: undefined } })), "no VAE encoder")
    }))
})

layer(Model.layer)("a forgotten rule shows", (it) => {
  const off = (name: string, change: (model: SdxlModel) => SdxlModel) =>
    Effect.gen(function*() {
      const { latents } = yield* drawn(change(yield* Model), requestOf(name))
      assert.isAbove(difference(latents[0]!, golden.array(`${name}-latents`).data), mistakeMin)
    })
  const predicting = (change: (predict: SdxlModel["predictNoise"]) => SdxlModel["predictNoise"]) => (model: SdxlModel) =>
    ({ ...model, predictNoise: change(model.predictNoise) })

  it.effect("micro-conditioning", () =>
    off("guided", predicting((predict) => (input) =>
      predict({ ...input, conditionings: input.conditionings.map((one) => ({ ...one, timeIds: [0, 0, 0, 0, 0, 0] })) }))))
  it.effect("height before width in micro-conditioning", () =>
    off("odd-latents", predicting((predict) => (input) =>
      predict({ ...input, conditionings: input.conditionings.map((one) => ({ ...one, timeIds: [136, 72, 0, 0, 136, 72] })) }))))
  it.effect("the order of the two predictions", () =>
    off("guided", predicting((predict) => (input) => Effect.map(predict(input), (predictions) => predictions.toReversed()))))
  it.effect("the scheduler's offset", () =>
    off("guided", (model) => ({ ...model, settings: { ...model.settings, scheduler: { ...model.settings.scheduler, steps_offset: 0 } } })))
  it.effect("zeros, not an empty prompt, without a negative prompt", () =>
    off("guided", (model) => ({ ...model, settings: { ...model.settings, zeros_without_negative_prompt: false } })))
  it.effect("the VAE's factor", () =>
    off("half", (model) => ({
      ...model,
      vae: { ...model.vae, encode: (image, noise) => Effect.map(model.vae.encode!(image, noise), (latents) => latents.map((value) => value / 0.13025)) }
    })))
  it.effect("the scale of the first noise", () =>
    Effect.gen(function*() {
      const model = yield* Model
      const request = requestOf("guided")
      const conditions = yield* conditionsOf(model, request, { width: 64, height: 64 })
      const schedule = eulerSchedule(model.settings.scheduler, 4)
      const from = (scale: number) =>
        denoise({
          ...conditions,
          predictNoise: model.predictNoise,
          schedule,
          shape: [4, 8, 8],
          latents: noiseOf(request.seed).normals(4 * 8 * 8).map((value) => value * scale)
        }, silent)
      const expected = golden.array("guided-latents").data
      assert.isAtMost(difference(yield* from(schedule.initialScale), expected), latentsMax)
      assert.isAbove(difference(yield* from(1), expected), mistakeMin)
      assert.isAbove(difference(yield* from(schedule.sigmas[0]!), expected), mistakeMin)
    }))
})
