import { Effect } from "effect"
import type { OnnxError } from "../../onnx/session.ts"
import type { PipelineError, PipelineRequest } from "../Pipeline.ts"
import { type Conditioning, type Size, timeIdsOf, zerosLike } from "./conditioning.ts"
import { isGuided } from "./guidance.ts"
import { type LoraInputs, loraWeights } from "../loras.ts"
import type { SdxlModel } from "./model.ts"
import { cutWarning } from "./prompt.ts"
import { applyStyle } from "./styles.ts"

/** What a job's words come to. */
export interface Conditions {
  readonly positive: Conditioning
  readonly negative: Conditioning | undefined
  readonly cfg: number
  readonly loras: LoraInputs
  readonly warnings: ReadonlyArray<string>
}

/**
 * Style, both prompts through both encoders, and the picture's size. No negative prompt is not an empty one: the model was
 * trained with zeros for it, where its settings say so.
 */
export const conditionsOf = Effect.fnUntraced(function*(
  { manifest, settings, textEncoders }: SdxlModel,
  { parameters, prompt }: PipelineRequest,
  size: Size
): Effect.fn.Return<Conditions, PipelineError | OnnxError> {
  const loras = yield* loraWeights(manifest, parameters.loras)
  const cfg = parameters.cfg ?? settings.defaults.cfg
  const styled = applyStyle({ prompt, negativePrompt: parameters.negative_prompt, style: parameters.style }, settings.styles)
  const timeIds = timeIdsOf(size)
  const positive = yield* textEncoders.encode(styled.prompt, loras)
  const warnings = [...styled.warnings, ...cutWarning("The prompt", positive.cut, settings.tokens.tokenizer)]
  const common = { positive: { ...positive, timeIds }, cfg, loras }
  if (!isGuided(cfg)) {
    const idle = parameters.negative_prompt === undefined ? [] : [`The negative prompt has no effect: it needs a guidance above 1, and it is ${cfg}.`]
    return { ...common, negative: undefined, warnings: [...warnings, ...idle] }
  }
  if (styled.negativePrompt === undefined && settings.zeros_without_negative_prompt) {
    return { ...common, negative: { ...zerosLike(positive), timeIds }, warnings }
  }
  const negative = yield* textEncoders.encode(styled.negativePrompt ?? "", loras)
  const cut = cutWarning("The negative prompt", negative.cut, settings.tokens.tokenizer)
  return { ...common, negative: { ...negative, timeIds }, warnings: [...warnings, ...cut] }
})
