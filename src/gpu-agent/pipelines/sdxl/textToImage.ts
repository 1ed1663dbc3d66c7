import { Effect } from "effect"
import { resample } from "../../images/resample.ts"
import { noiseOf } from "../../noise/philox.ts"
import type { OnnxError } from "../../onnx/session.ts"
import { type OnStep, PipelineError, type PipelineRequest, type PipelineResult } from "../Pipeline.ts"
import type { Size } from "./conditioning.ts"
import { conditionsOf } from "./conditions.ts"
import { denoise } from "./denoise.ts"
import { frameNoises } from "./frames.ts"
import type { SdxlModel } from "./model.ts"
import { eulerSchedule } from "./schedule.ts"
import { pictureSize } from "./sizes.ts"

/** Pictures from words alone: one, or frames that belong together. */

const askedSize = Effect.fnUntraced(function*({ settings }: SdxlModel, { height, width }: PipelineRequest["parameters"]): Effect.fn.Return<Size, PipelineError> {
  const size = { width: width ?? settings.defaults.width, height: height ?? settings.defaults.height }
  if (size.width % settings.size_multiple !== 0 || size.height % settings.size_multiple !== 0) {
    const message = `width and height are ${size.width} and ${size.height}; they must be multiples of ${settings.size_multiple}.`
    return yield* new PipelineError({ class: "invalid_input", message })
  }
  return size
})

const drawn = Effect.fnUntraced(function*(
  model: SdxlModel,
  request: PipelineRequest,
  noises: (count: number) => ReadonlyArray<Float32Array>,
  onStep: OnStep
): Effect.fn.Return<PipelineResult, PipelineError | OnnxError> {
  const { parameters, seed } = request
  const size = pictureSize(yield* askedSize(model, parameters), model.settings)
  const steps = parameters.steps ?? model.settings.defaults.steps
  const schedule = eulerSchedule(model.settings.scheduler, steps)
  const shape = model.vae.shapeOf(size.drawn)
  const [channels, rows, columns] = shape
  const starts = noises(channels * rows * columns)
  const total = starts.length * steps
  yield* onStep(0, total)
  const conditions = yield* conditionsOf(model, request, size.drawn)
  const images = yield* Effect.forEach(starts, (start, frame) =>
    denoise({
      ...conditions,
      predictNoise: model.predictNoise,
      schedule,
      shape,
      latents: start.map((value) => value * schedule.initialScale)
    }, (step) => onStep(frame * steps + step, total)).pipe(
      Effect.flatMap((latents) => model.vae.decode(latents, size.drawn)),
      Effect.map((image) => resample(image, size.given.width, size.given.height, "lanczos"))
    ))
  return {
    images,
    parameters: { seed, steps, cfg: conditions.cfg, ...size.given },
    warnings: [...size.warnings, ...conditions.warnings]
  }
})

export const textToImage = (model: SdxlModel, request: PipelineRequest, onStep: OnStep) =>
  drawn(model, request, (count) => [noiseOf(request.seed).normals(count)], onStep)

export const frames = (model: SdxlModel, request: PipelineRequest, onStep: OnStep) => {
  const wanted = request.parameters.num_frames ?? model.settings.defaults.frames
  const noises = (count: number) => frameNoises(request.seed, { count, frames: wanted, distance: model.settings.frame_distance })
  return Effect.map(drawn(model, request, noises, onStep), (result): PipelineResult => ({
    ...result,
    parameters: { ...result.parameters, num_frames: wanted }
  }))
}
