import { Effect } from "effect"
import type { OnnxError } from "../../onnx/session.ts"
import type { LoraInputs } from "../loras.ts"
import type { OnStep, PipelineError } from "../Pipeline.ts"
import { concatenate } from "./latents.ts"
import { eulerStep } from "./schedule.ts"
import type { TimeInputs, Transformer } from "./transformer.ts"
import type { RopeTables } from "./vision.ts"

export interface Conditioning {
  /** [text tokens, hidden_size] */
  readonly text: Float32Array
  readonly rope: RopeTables
}

export interface Denoising {
  readonly transformer: Transformer
  /** [tokens, packed channels] of the picture that is made, pure noise. */
  readonly noise: Float32Array
  /** Packed latents of the input pictures. */
  readonly references: ReadonlyArray<Float32Array>
  readonly imageRope: RopeTables
  readonly positive: Conditioning
  /** A second call of the transformer each step, and what becomes of both. */
  readonly guidance?: {
    readonly negative: Conditioning
    readonly combine: (positive: Float32Array, negative: Float32Array) => Float32Array
  }
  /** One more than steps: the last is 0. */
  readonly sigmas: Float32Array
  readonly loras: LoraInputs
}

/** From noise to the packed latents of the edited picture. */
export const denoise = Effect.fnUntraced(function*(
  { guidance, imageRope, loras, noise, positive, references, sigmas, transformer }: Denoising,
  onStep: OnStep
): Effect.fn.Return<Float32Array, PipelineError | OnnxError> {
  const steps = sigmas.length - 1
  const times = yield* transformer.times([...sigmas.subarray(0, steps)])
  const predict = (latents: Float32Array, { rope, text }: Conditioning, time: TimeInputs) =>
    Effect.map(
      transformer.predict({ latents, text, imageRope, textRope: rope, time, loras }),
      // Only the first tokens are of the picture that is made.
      (prediction) => prediction.subarray(0, noise.length)
    )
  let latents = noise
  for (let step = 0; step < steps; step++) {
    const input = concatenate([latents, ...references])
    const wanted = yield* predict(input, positive, times[step]!)
    const velocity = guidance === undefined ? wanted : guidance.combine(wanted, yield* predict(input, guidance.negative, times[step]!))
    latents = eulerStep(latents, velocity, sigmas[step]!, sigmas[step + 1]!)
    yield* onStep(step + 1, steps)
  }
  return latents
})
