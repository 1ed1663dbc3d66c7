import { Effect } from "effect"
import type { JobParameters } from "../../contract/Job.ts"
import type { ModelManifest } from "../../contract/ModelManifest.ts"
import { type Session, type Tensor } from "../onnx/session.ts"
import { floatInput } from "../onnx/tensors.ts"
import { PipelineError } from "./Pipeline.ts"

/** Input `lora_<name>` of the graphs → weight; 0 switches an adapter off. */
export type LoraInputs = Readonly<Record<string, number>>

const refused = (message: string) => Effect.fail(new PipelineError({ class: "invalid_input", message }))

/** A weight for each adapter that the manifest declares: the job's, or 0. */
export const loraWeights = Effect.fnUntraced(function*(
  { loras: declared = [], name: model }: ModelManifest,
  asked: JobParameters["loras"] = []
): Effect.fn.Return<LoraInputs, PipelineError> {
  const weights: Record<string, number> = Object.fromEntries(declared.map(({ name }) => [`lora_${name}`, 0]))
  const seen = new Set<string>()
  for (const { name, weight } of asked) {
    const lora = declared.find((candidate) => candidate.name === name)
    if (lora === undefined) {
      const known = declared.length === 0 ? "none" : declared.map((candidate) => candidate.name).join(", ")
      return yield* refused(`loras: ${model} has no adapter "${name}"; it has: ${known}.`)
    }
    if (weight < lora.weight_min || weight > lora.weight_max) {
      return yield* refused(`loras: the weight of ${name} is ${weight}; it may be ${lora.weight_min} to ${lora.weight_max}.`)
    }
    if (seen.has(name)) return yield* refused(`loras: ${name} is named twice.`)
    seen.add(name)
    weights[`lora_${name}`] = weight
  }
  return weights
})

/** Those that this graph takes: an adapter may leave the text encoders alone. */
export const loraInputsFor = (session: Session, loras: LoraInputs): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(
    Object.entries(loras)
      .filter(([input]) => session.inputNames.includes(input))
      .map(([input, weight]) => [input, floatInput(session, input, Float32Array.of(weight), [])])
  )
