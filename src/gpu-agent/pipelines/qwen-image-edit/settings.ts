import { Effect, Schema } from "effect"
import type { ModelManifest } from "../../../contract/ModelManifest.ts"
import { PipelineError } from "../Pipeline.ts"

/** `settings` in the manifest of a model of this family; scripts/export/darkroom_export/qwen_image_edit writes them. */

const positiveInt = Schema.Int.check(Schema.isGreaterThan(0))
const three = Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite])

/** Flow matching: noise levels are shifted by e^mu, where mu grows with the number of image tokens. */
export const SchedulerSettings = Schema.Struct({
  base_image_tokens: positiveInt,
  max_image_tokens: positiveInt,
  base_shift: Schema.Finite,
  max_shift: Schema.Finite,
  /** Where the last noise level before zero is put; null leaves it. */
  shift_terminal: Schema.NullOr(Schema.Finite)
})
export type SchedulerSettings = typeof SchedulerSettings.Type

/** The picture processor of Qwen2.5-VL. */
export const ProcessorSettings = Schema.Struct({
  patch_size: positiveInt,
  temporal_patch_size: positiveInt,
  merge_size: positiveInt,
  pixels_min: positiveInt,
  pixels_max: positiveInt,
  mean: three,
  std: three
})
export type ProcessorSettings = typeof ProcessorSettings.Type

export const VisionSettings = Schema.Struct({ window_size: positiveInt, head_size: positiveInt, rope_theta: Schema.Finite })
export type VisionSettings = typeof VisionSettings.Type

export const TextSettings = Schema.Struct({
  hidden_size: positiveInt,
  vocabulary_size: positiveInt,
  embeddings_type: Schema.Literals(["float32", "bfloat16"])
})
export type TextSettings = typeof TextSettings.Type

export const TransformerSettings = Schema.Struct({
  /** Dimensions of a head for the frame, the row and the column. */
  rope_axes: Schema.Tuple([positiveInt, positiveInt, positiveInt]),
  rope_theta: Schema.Finite,
  blocks: positiveInt,
  inner_size: positiveInt
})
export type TransformerSettings = typeof TransformerSettings.Type

export const VaeSettings = Schema.Struct({
  /** Pixels to a latent, along each side. */
  scale: positiveInt,
  base_size: positiveInt,
  /** Of each latent channel. */
  mean: Schema.Array(Schema.Finite),
  std: Schema.Array(Schema.Finite)
})
export type VaeSettings = typeof VaeSettings.Type

/** The rows of the asset `modulation`, by noise level from high to low. */
export const ModulationSettings = Schema.Struct({ sigmas: Schema.Array(Schema.Finite), row_floats: positiveInt })
export type ModulationSettings = typeof ModulationSettings.Type

export const QwenImageEditSettings = Schema.Struct({
  /** `forced_only`: refused on the CPU unless DARKROOM_FORCE_CPU is set. */
  cpu: Schema.Literals(["allowed", "forced_only"]),
  /** Pixels of what the language model sees, and of what is edited and given back. */
  areas: Schema.Struct({ condition: positiveInt, vae: positiveInt }),
  steps: Schema.Struct({ default: positiveInt, min: positiveInt, max: positiveInt }),
  cfg: Schema.Struct({ default: Schema.Finite }),
  processor: ProcessorSettings,
  vision: VisionSettings,
  text: TextSettings,
  transformer: TransformerSettings,
  vae: VaeSettings,
  scheduler: SchedulerSettings,
  modulation: Schema.optionalKey(ModulationSettings)
})
export type QwenImageEditSettings = typeof QwenImageEditSettings.Type

export const decodeSettings = (manifest: ModelManifest): Effect.Effect<QwenImageEditSettings, PipelineError> =>
  Schema.decodeUnknownEffect(QwenImageEditSettings)(manifest.settings).pipe(
    Effect.mapError((error) =>
      new PipelineError({ class: "model_error", message: `model.json of ${manifest.name}: settings: ${error.message}` })
    )
  )
