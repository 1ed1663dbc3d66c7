import { Effect } from "effect"
import type { OnnxError, Session, Tensor } from "../../onnx/session.ts"
import { floatInput, floatsOf } from "../../onnx/tensors.ts"
import { type LoraInputs, loraInputsFor } from "../loras.ts"
import { type PipelineContext, PipelineError } from "../Pipeline.ts"
import type { ModulationSettings, QwenImageEditSettings } from "./settings.ts"
import type { RopeTables } from "./vision.ts"

/** One call of the transformer. Tokens times width, without the batch of one. */
export interface Prediction {
  /** Noisy latents, then those of the input pictures: [image tokens, packed channels]. */
  readonly latents: Float32Array
  /** [text tokens, hidden_size] */
  readonly text: Float32Array
  readonly imageRope: RopeTables
  readonly textRope: RopeTables
  /** Of this step, as `times` gave them. */
  readonly time: TimeInputs
  readonly loras: LoraInputs
}

/** How the graph learns the noise level: by itself, or by the modulation vectors that depend on it. */
export type TimeInputs = Readonly<Record<string, Tensor>>

export interface Transformer {
  /** For each noise level of a job. */
  readonly times: (sigmas: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<TimeInputs>, PipelineError>
  /** The velocity at every image token, in the shape of `latents`. */
  readonly predict: (input: Prediction) => Effect.Effect<Float32Array, OnnxError>
}

/** Half a unit in the sixth place: noise levels of two schedules are further apart. */
const sameSigma = 5e-7

const rowOf = (sigma: number, { sigmas }: ModulationSettings): number =>
  sigmas.findIndex((candidate) => Math.abs(candidate - sigma) < sameSigma)

const readModulation = (
  session: Session,
  { manifest, readAssetParts }: PipelineContext,
  { modulation, transformer: { blocks, inner_size } }: QwenImageEditSettings
) =>
  Effect.fnUntraced(function*(sigmas: ReadonlyArray<number>) {
    if (modulation === undefined) {
      return yield* new PipelineError({ class: "model_error", message: `model.json of ${manifest.name} says nothing of its modulation table.` })
    }
    const missing = sigmas.find((sigma) => rowOf(sigma, modulation) === -1)
    if (missing !== undefined) {
      return yield* new PipelineError({
        class: "model_error",
        message: `${manifest.name} has no modulation for the noise level ${missing} of this schedule; export it again.`
      })
    }
    const bytes = modulation.row_floats * 4
    const rows = yield* readAssetParts("modulation", sigmas.map((sigma) => ({ offset: rowOf(sigma, modulation) * bytes, bytes })))
    const inBlocks = blocks * 2 * 6 * inner_size
    return rows.map((row): TimeInputs => {
      const values = new Float32Array(row.buffer, row.byteOffset, modulation.row_floats)
      return {
        modulation: floatInput(session, "modulation", values.subarray(0, inBlocks), [blocks * 2, 6 * inner_size]),
        norm_out: floatInput(session, "norm_out", values.subarray(inBlocks), [1, 2 * inner_size])
      }
    })
  })

const predictWith = (session: Session, hiddenSize: number, packedSize: number) => (input: Prediction) => {
  const { imageRope, latents, loras, text, textRope, time } = input
  const imageTokens = latents.length / packedSize
  const textTokens = text.length / hiddenSize
  const table = (name: string, values: Float32Array, tokens: number) => floatInput(session, name, values, [tokens, values.length / tokens])
  return session.run({
    hidden_states: floatInput(session, "hidden_states", latents, [1, imageTokens, packedSize]),
    encoder_hidden_states: floatInput(session, "encoder_hidden_states", text, [1, textTokens, hiddenSize]),
    img_cos: table("img_cos", imageRope.cos, imageTokens),
    img_sin: table("img_sin", imageRope.sin, imageTokens),
    txt_cos: table("txt_cos", textRope.cos, textTokens),
    txt_sin: table("txt_sin", textRope.sin, textTokens),
    ...time,
    ...loraInputsFor(session, loras)
  }).pipe(Effect.map((outputs) => floatsOf(outputs["noise_prediction"]!)))
}

/** With the graph `transformer_modulated` the modulation comes from a table, else the graph computes it. */
export const openTransformer = Effect.fnUntraced(function*(context: PipelineContext, settings: QwenImageEditSettings) {
  const modulated = context.hasGraph("transformer_modulated")
  const session = yield* context.openGraph(modulated ? "transformer_modulated" : "transformer")
  const timesteps = (sigmas: ReadonlyArray<number>) =>
    Effect.succeed(sigmas.map((sigma): TimeInputs => ({ timestep: floatInput(session, "timestep", Float32Array.of(sigma), [1]) })))
  const packedSize = settings.vae.mean.length * 4
  return {
    times: modulated ? readModulation(session, context, settings) : timesteps,
    predict: predictWith(session, settings.text.hidden_size, packedSize)
  } satisfies Transformer
})
