import { Effect, Schema } from "effect"
import type { ModelManifest } from "../../../contract/ModelManifest.ts"
import { PipelineError } from "../Pipeline.ts"

/** `settings` in the manifest of a model of this family; scripts/export/darkroom_export/diffusion_settings.py writes them. */

const positiveInt = Schema.Int.check(Schema.isGreaterThan(0))

export const SchedulerSettings = Schema.Struct({
  num_train_timesteps: positiveInt,
  beta_start: Schema.Finite,
  beta_end: Schema.Finite,
  beta_schedule: Schema.Literal("scaled_linear"),
  timestep_spacing: Schema.Literal("leading"),
  steps_offset: Schema.Int,
  prediction_type: Schema.Literal("epsilon")
})
export type SchedulerSettings = typeof SchedulerSettings.Type

/** Ids that a CLIP tokenizer puts around a text, and the length that it fills up to. */
export const TokenSettings = Schema.Struct({ bos: Schema.Int, eos: Schema.Int, pad: Schema.Int, length: positiveInt })
export type TokenSettings = typeof TokenSettings.Type

/** `prompt` has the place `{prompt}`; `negative_prompt` is added to the caller's own, and may be empty. */
export const StyleTemplate = Schema.Struct({ prompt: Schema.String, negative_prompt: Schema.String })
export type StyleTemplate = typeof StyleTemplate.Type

export const SdxlSettings = Schema.Struct({
  scheduler: SchedulerSettings,
  vae: Schema.Struct({ scaling_factor: Schema.Finite, latent_channels: positiveInt }),
  tokens: Schema.Struct({ tokenizer: TokenSettings, tokenizer_2: TokenSettings }),
  /** Without a negative prompt the unconditional embeddings are zeros; else those of an empty prompt. */
  zeros_without_negative_prompt: Schema.Boolean,
  /** Pixels to a latent, along each side. */
  size_multiple: positiveInt,
  /** Pixels of the pictures that it was trained on: larger ones are drawn at this area and enlarged. */
  native_area: positiveInt,
  defaults: Schema.Struct({
    steps: positiveInt,
    cfg: Schema.Finite,
    strength: Schema.Finite,
    width: positiveInt,
    height: positiveInt,
    frames: positiveInt
  }),
  /** How far one frame's noise lies from the one before, of the way from a seed's noise to the next seed's. */
  frame_distance: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
  styles: Schema.Record(Schema.String, StyleTemplate)
})
export type SdxlSettings = typeof SdxlSettings.Type

export const decodeSettings = (manifest: ModelManifest): Effect.Effect<SdxlSettings, PipelineError> =>
  Schema.decodeUnknownEffect(SdxlSettings)(manifest.settings).pipe(
    Effect.mapError((error) =>
      new PipelineError({ class: "model_error", message: `model.json of ${manifest.name}: settings: ${error.message}` })
    )
  )
