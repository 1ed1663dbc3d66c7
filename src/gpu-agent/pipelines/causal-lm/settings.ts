import { Effect, Schema } from "effect"
import type { ModelManifest } from "../../../contract/ModelManifest.ts"
import { PipelineError } from "../Pipeline.ts"

/** `settings` of a model of this family, as scripts/export writes them. */
export const CausalLmSettings = Schema.Struct({
  /** Prompt and answer together, in tokens; never more than the model's sliding window. */
  context_length: Schema.Int.check(Schema.isGreaterThan(1)),
  /** Any of these ends the answer. */
  eos_token_ids: Schema.NonEmptyArray(Schema.Int),
  /** Jinja; gets `messages`, `bos_token` and `eos_token`. */
  chat_template: Schema.NonEmptyString,
  bos_token: Schema.String,
  eos_token: Schema.String,
  /** Of the key/value cache. */
  cache: Schema.Struct({ layers: Schema.Int, kv_heads: Schema.Int, head_size: Schema.Int })
})
export type CausalLmSettings = typeof CausalLmSettings.Type

/** What a job gets that does not say; the models API has the same. */
export const defaults = { max_tokens: 256, temperature: 0.7, top_p: 0.95 } as const

export const settingsOf = (manifest: ModelManifest): Effect.Effect<CausalLmSettings, PipelineError> =>
  Schema.decodeUnknownEffect(CausalLmSettings)(manifest.settings).pipe(
    Effect.mapError((error) =>
      new PipelineError({ class: "model_error", message: `settings in model.json of ${manifest.name} are not those of a causal-lm: ${error.message}` })
    )
  )
