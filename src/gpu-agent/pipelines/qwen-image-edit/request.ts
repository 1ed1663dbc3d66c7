import { Effect } from "effect"
import type { ModelManifest } from "../../../contract/ModelManifest.ts"
import { type LoraInputs, loraWeights } from "../loras.ts"
import { PipelineError, type PipelineRequest } from "../Pipeline.ts"
import { emptyPrompt } from "./prompt.ts"
import type { QwenImageEditSettings } from "./settings.ts"
import { sizeProblem } from "./size.ts"

/** What a job asks for, with the model's defaults filled in. */
export interface EditJob {
  readonly steps: number
  readonly cfg: number
  /** Only with guidance, which a scale of 1 is without. */
  readonly negativePrompt: string | undefined
  readonly loras: LoraInputs
  readonly warnings: ReadonlyArray<string>
}

const refused = (message: string) => Effect.fail(new PipelineError({ class: "invalid_input", message }))

export const readRequest = Effect.fnUntraced(function*(
  { inputs, parameters }: PipelineRequest,
  manifest: ModelManifest,
  settings: QwenImageEditSettings
): Effect.fn.Return<EditJob, PipelineError> {
  const imagesMax = manifest.images_max ?? 1
  if (inputs.length < 1 || inputs.length > imagesMax) {
    return yield* refused(`${manifest.name} edits 1 to ${imagesMax} pictures; ${inputs.length} were given.`)
  }
  for (const [i, image] of inputs.entries()) {
    const problem = sizeProblem(image, settings.areas)
    if (problem !== undefined) return yield* refused(`Picture ${i + 1}: ${problem}`)
  }
  const { default: usual, max, min } = settings.steps
  const steps = parameters.steps ?? usual
  if (steps < min || steps > max) return yield* refused(`steps: ${manifest.name} takes ${min} to ${max} steps, not ${steps}.`)
  const cfg = parameters.cfg ?? settings.cfg.default
  const guided = cfg > 1
  const { negative_prompt } = parameters
  return {
    steps,
    cfg,
    negativePrompt: guided ? negative_prompt ?? emptyPrompt : undefined,
    loras: yield* loraWeights(manifest, parameters.loras),
    warnings: negative_prompt !== undefined && !guided ? ["negative_prompt has no effect without guidance (cfg above 1)."] : []
  }
})
