import { Effect } from "effect"
import type { OnnxError } from "../../onnx/session.ts"
import type { Conditioning } from "./conditioning.ts"
import { guided } from "./guidance.ts"
import type { LoraInputs } from "../loras.ts"
import { eulerStep, type Schedule, scaledInput } from "./schedule.ts"
import type { LatentShape, PredictNoise } from "./unet.ts"

export interface Denoising {
  readonly predictNoise: PredictNoise
  readonly schedule: Schedule
  /** At the schedule's first noise level. */
  readonly latents: Float32Array
  readonly shape: LatentShape
  readonly positive: Conditioning
  /** None: no guidance, and one prediction a step. */
  readonly negative: Conditioning | undefined
  readonly cfg: number
  readonly loras: LoraInputs
}

/** From noise to latents of a picture; `afterStep` counts from 1. */
export const denoise = Effect.fnUntraced(function*(
  { cfg, latents, loras, negative, positive, predictNoise, schedule, shape }: Denoising,
  afterStep: (step: number) => Effect.Effect<void>
): Effect.fn.Return<Float32Array, OnnxError> {
  const { sigmas, timesteps } = schedule
  const conditionings = negative === undefined ? [positive] : [negative, positive]
  let now = latents
  for (const [i, timestep] of timesteps.entries()) {
    const input = scaledInput(now, sigmas[i]!)
    const [first, second] = yield* predictNoise({ latents: input, shape, timestep, conditionings, loras })
    const noise = second === undefined ? first! : guided(first!, second, cfg)
    now = eulerStep(now, noise, sigmas[i]!, sigmas[i + 1]!)
    yield* afterStep(i + 1)
  }
  return now
})
