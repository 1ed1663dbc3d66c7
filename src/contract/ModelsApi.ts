import { Schema } from "effect"
import { between, Loras, ModelName, orDefault, Prompt, Seed, within } from "./EditApi.ts"
import { promptMaxChars } from "./limits.ts"

/** The models service: bodies, defaults and ranges. A `null` seed (or none) asks for a random one. */

const aboveZeroToOne = Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(1))
const side = Schema.Int.check(Schema.isBetween({ minimum: 256, maximum: 1536 }), Schema.isMultipleOf(8))
const NegativePrompt = orDefault(Schema.NullOr(Schema.String.check(Schema.isMaxLength(promptMaxChars))), null)
const RandomSeed = orDefault(Schema.NullOr(Seed), null)

const imageFields = {
  prompt: Prompt,
  style: orDefault(Schema.NullOr(Schema.String.check(Schema.isMaxLength(100))), "realistic"),
  guidance_scale: orDefault(within(0, 20), 7.5),
  seed: RandomSeed,
  model: Schema.optionalKey(ModelName),
  loras: Schema.optionalKey(Loras)
}

export const TextRequest = Schema.Struct({
  prompt: Prompt,
  max_tokens: orDefault(between(1, 4096), 256),
  temperature: orDefault(within(0, 2), 0.7),
  top_p: orDefault(aboveZeroToOne, 0.95),
  seed: RandomSeed,
  model: Schema.optionalKey(ModelName)
})
export const TextResponse = Schema.Struct({
  text: Schema.String,
  prompt: Schema.String,
  finish_reason: Schema.Literals(["stop", "length", "cancelled"])
})

export const ImageRequest = Schema.Struct({
  ...imageFields,
  negative_prompt: NegativePrompt,
  num_inference_steps: orDefault(between(1, 50), 30),
  width: orDefault(side, 1024),
  height: orDefault(side, 1024)
})
/** Present when there is something to say. */
const warnings = Schema.optionalKey(Schema.Array(Schema.String))
export const ImageResponse = Schema.Struct({ image_base64: Schema.String, prompt: Schema.String, warnings })

export const ImageEditRequest = Schema.Struct({
  ...imageFields,
  image_base64: Schema.NonEmptyString,
  negative_prompt: NegativePrompt,
  num_inference_steps: orDefault(between(1, 50), 20),
  strength: orDefault(aboveZeroToOne, 0.8)
})

export const FramesRequest = Schema.Struct({
  ...imageFields,
  num_frames: orDefault(between(1, 16), 4),
  num_inference_steps: orDefault(between(1, 50), 25)
})
export const FramesResponse = Schema.Struct({ frames: Schema.Array(Schema.String), prompt: Schema.String, warnings })

export const HealthResponse = Schema.Struct({
  status: Schema.Literals(["ok", "degraded"]),
  device: Schema.Literals(["cuda", "cpu", "none"]),
  models_dir: Schema.String
})
