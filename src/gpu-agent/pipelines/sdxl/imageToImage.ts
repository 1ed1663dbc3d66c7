import { Effect } from "effect"
import { resample } from "../../images/resample.ts"
import { noiseOf } from "../../noise/philox.ts"
import type { OnnxError } from "../../onnx/session.ts"
import { type OnStep, PipelineError, type PipelineRequest, type PipelineResult } from "../Pipeline.ts"
import { conditionsOf } from "./conditions.ts"
import { denoise } from "./denoise.ts"
import type { SdxlModel } from "./model.ts"
import { eulerSchedule, fromStrength, withNoise } from "./schedule.ts"
import { pictureSize } from "./sizes.ts"

/** A picture drawn over another: noise up to `strength`, then the words. The noise of its encoding comes first, as in diffusers. */

const refused = (message: string) => new PipelineError({ class: "invalid_input", message })

export const imageToImage = Effect.fnUntraced(function*(
  model: SdxlModel,
  request: PipelineRequest,
  onStep: OnStep
): Effect.fn.Return<PipelineResult, PipelineError | OnnxError> {
  const { manifest, predictNoise, settings, vae } = model
  const { parameters, seed } = request
  const input = request.inputs[0]
  if (input === undefined) return yield* refused(`${manifest.name} was asked to edit a picture, and none was given.`)
  if (vae.encode === undefined) return yield* refused(`${manifest.name} has no VAE encoder (graph "vae_encoder"), so it cannot read pictures.`)
  const steps = parameters.steps ?? settings.defaults.steps
  const strength = parameters.strength ?? settings.defaults.strength
  const schedule = fromStrength(eulerSchedule(settings.scheduler, steps), strength)
  if (schedule === undefined) {
    const least = Math.ceil(1000 / steps) / 1000
    return yield* refused(`strength ${strength} of ${steps} steps leaves no step to draw; use a strength of at least ${least}, or more steps.`)
  }
  const total = schedule.timesteps.length
  yield* onStep(0, total)
  const size = pictureSize(input, settings)
  const conditions = yield* conditionsOf(model, request, size.drawn)
  const noise = noiseOf(seed)
  const shape = vae.shapeOf(size.drawn)
  const [channels, rows, columns] = shape
  const count = channels * rows * columns
  const encoded = yield* vae.encode(resample(input, size.drawn.width, size.drawn.height, "lanczos"), noise.normals(count))
  const latents = yield* denoise({
    ...conditions,
    predictNoise,
    schedule,
    shape,
    latents: withNoise(encoded, noise.normals(count), schedule.sigmas[0]!)
  }, (step) => onStep(step, total))
  const image = yield* vae.decode(latents, size.drawn)
  return {
    images: [resample(image, size.given.width, size.given.height, "lanczos")],
    parameters: { seed, steps, cfg: conditions.cfg, strength },
    warnings: [...size.warnings, ...conditions.warnings]
  }
})
