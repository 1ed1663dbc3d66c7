import { Effect } from "effect"
import type { OnnxError, Session } from "../../onnx/session.ts"
import { floatInput, floatsOf } from "../../onnx/tensors.ts"
import type { PipelineContext } from "../Pipeline.ts"
import type { Conditioning } from "./conditioning.ts"
import { type LoraInputs, loraInputsFor } from "../loras.ts"
import type { SdxlSettings } from "./settings.ts"

/** Channels × height × width of latents. */
export type LatentShape = readonly [number, number, number]

export interface UnetInput {
  /** Already scaled for its noise level. */
  readonly latents: Float32Array
  readonly shape: LatentShape
  readonly timestep: number
  /** One a prediction; all share the latents. */
  readonly conditionings: ReadonlyArray<Conditioning>
  readonly loras: LoraInputs
}

/** The noise that the model sees in the latents, once a conditioning, in their order. */
export type PredictNoise = (input: UnetInput) => Effect.Effect<ReadonlyArray<Float32Array>, OnnxError>

const stacked = (parts: ReadonlyArray<ArrayLike<number>>): Float32Array => {
  const size = parts[0]!.length
  const out = new Float32Array(size * parts.length)
  parts.forEach((part, i) => out.set(part, i * size))
  return out
}

const predict = Effect.fnUntraced(function*(session: Session, { conditionings, latents, loras, shape, timestep }: UnetInput, tokens: number) {
  const batch = conditionings.length
  const input = (name: string, parts: ReadonlyArray<ArrayLike<number>>, dims: ReadonlyArray<number>) =>
    floatInput(session, name, stacked(parts), [batch, ...dims])
  const { hidden, pooled, timeIds } = conditionings[0]!
  const outputs = yield* session.run({
    sample: input("sample", conditionings.map(() => latents), shape),
    timestep: floatInput(session, "timestep", Float32Array.of(timestep), [1]),
    encoder_hidden_states: input("encoder_hidden_states", conditionings.map((one) => one.hidden), [tokens, hidden.length / tokens]),
    text_embeds: input("text_embeds", conditionings.map((one) => one.pooled), [pooled.length]),
    time_ids: input("time_ids", conditionings.map((one) => one.timeIds), [timeIds.length]),
    ...loraInputsFor(session, loras)
  })
  const noise = floatsOf(outputs["noise"]!)
  return conditionings.map((_, i) => noise.subarray(i * latents.length, (i + 1) * latents.length))
})

export const openUnet = Effect.fnUntraced(function*({ openGraph }: PipelineContext, { tokens }: SdxlSettings) {
  const session = yield* openGraph("unet")
  const predictNoise: PredictNoise = (input) => predict(session, input, tokens.tokenizer.length)
  return predictNoise
})
