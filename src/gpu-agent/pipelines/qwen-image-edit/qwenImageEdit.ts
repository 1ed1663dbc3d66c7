import { Effect } from "effect"
import { resample } from "../../images/resample.ts"
import { noiseOf } from "../../noise/philox.ts"
import { type LoadPipeline, type OnStep, type PipelineContext, PipelineError, type PipelineRequest } from "../Pipeline.ts"
import { denoise } from "./denoise.ts"
import { guide } from "./guidance.ts"
import { pack } from "./latents.ts"
import { withoutTemplate } from "./prompt.ts"
import { readRequest } from "./request.ts"
import { imageRope, type LatentGrid, textRope } from "./rope.ts"
import { sigmasOf } from "./schedule.ts"
import { decodeSettings, type QwenImageEditSettings } from "./settings.ts"
import { outputSize, sizeFor } from "./size.ts"
import { openTextEncoder } from "./textEncoder.ts"
import { openTransformer } from "./transformer.ts"
import { gridOf, latentShapeOf, openVae } from "./vae.ts"

/**
 * Qwen-Image-Edit with several pictures (FireRed-Image-Edit): a vision-language model reads pictures and prompt, a
 * transformer makes the edited picture out of noise with the pictures' latents beside it. All numbers are float32 here.
 */

const refuseCpu = ({ executionProvider, forceCpu, manifest }: PipelineContext, settings: QwenImageEditSettings) =>
  executionProvider === "cpu" && settings.cpu === "forced_only" && !forceCpu
    ? Effect.fail(new PipelineError({
      class: "model_error",
      message: `${manifest.name} takes minutes a step on a CPU, so it is not loaded there. Use an agent with a GPU, or set DARKROOM_FORCE_CPU=1.`
    }))
    : Effect.void

export const openComponents = Effect.fnUntraced(function*(context: PipelineContext, settings: QwenImageEditSettings) {
  return {
    textEncoder: yield* openTextEncoder(context, settings),
    transformer: yield* openTransformer(context, settings),
    vae: yield* openVae(context, settings)
  }
})

export const loadQwenImageEdit: LoadPipeline = Effect.fnUntraced(function*(context) {
  const { manifest } = context
  const settings = yield* decodeSettings(manifest)
  yield* refuseCpu(context, settings)
  const { textEncoder, transformer, vae } = yield* openComponents(context, settings)

  const run = Effect.fnUntraced(function*(request: PipelineRequest, onStep: OnStep) {
    const { inputs, prompt, seed } = request
    const job = yield* readRequest(request, manifest, settings)
    // Also where a cancelled job ends between the parts before the first step.
    const beforeSteps = onStep(0, job.steps)
    yield* beforeSteps
    const seen = yield* textEncoder.see(inputs.map((image) => {
      const { height, width } = sizeFor(image, settings.areas.condition)
      return resample(image, width, height, "lanczos")
    }))
    const hiddenOf = (text: string) =>
      Effect.map(textEncoder.encode(text, seen), ({ hidden }) => withoutTemplate(hidden, settings.text.hidden_size))
    const positive = yield* hiddenOf(prompt)
    const negative = job.negativePrompt === undefined ? undefined : yield* hiddenOf(job.negativePrompt)
    yield* beforeSteps
    const references = yield* Effect.forEach(inputs, vae.encode)
    yield* beforeSteps

    const size = outputSize(inputs, settings.areas.vae, settings.vae.scale)
    const shape = latentShapeOf(size, settings)
    const noise = pack(noiseOf(seed).normals(shape.channels * shape.rows * shape.columns), shape)
    const packedSize = shape.channels * 4
    const grids: ReadonlyArray<LatentGrid> = [gridOf(shape), ...references.map(({ grid }) => grid)]
    const withRope = (text: Float32Array) => ({
      text,
      rope: textRope(text.length / settings.text.hidden_size, grids, settings.transformer)
    })
    const latents = yield* denoise({
      transformer,
      noise,
      references: references.map(({ values }) => values),
      imageRope: imageRope(grids, settings.transformer),
      positive: withRope(positive),
      ...(negative === undefined ? {} : {
        guidance: {
          negative: withRope(negative),
          combine: (wanted: Float32Array, unwanted: Float32Array) => guide(wanted, unwanted, job.cfg, packedSize)
        }
      }),
      sigmas: sigmasOf(job.steps, noise.length / packedSize, settings.scheduler),
      loras: job.loras
    }, onStep)
    return {
      images: [yield* vae.decode(latents, size)],
      parameters: { steps: job.steps, cfg: job.cfg, seed },
      warnings: job.warnings
    }
  })
  return { run }
})
