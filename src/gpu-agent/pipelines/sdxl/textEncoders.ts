import { Effect } from "effect"
import type { OnnxError, Session } from "../../onnx/session.ts"
import { floatsOf, int64Input } from "../../onnx/tensors.ts"
import { makeTokenizer, type Tokenizer } from "../../tokenizers/Tokenizer.ts"
import { type PipelineContext, PipelineError } from "../Pipeline.ts"
import type { TextConditioning } from "./conditioning.ts"
import { type LoraInputs, loraInputsFor } from "../loras.ts"
import { type PromptTokens, promptTokens } from "./prompt.ts"
import type { SdxlSettings } from "./settings.ts"

export interface EncodedPrompt extends TextConditioning {
  readonly cut: string | undefined
}

export interface TextEncoders {
  readonly tokenise: (prompt: string) => readonly [PromptTokens, PromptTokens]
  readonly encode: (prompt: string, loras: LoraInputs) => Effect.Effect<EncodedPrompt, OnnxError>
}

/** Rows of `left` and `right`, each followed by the other's. */
const sideBySide = (left: Float32Array, right: Float32Array, rows: number): Float32Array => {
  const leftWidth = left.length / rows
  const rightWidth = right.length / rows
  const out = new Float32Array(left.length + right.length)
  for (let row = 0; row < rows; row++) {
    const at = row * (leftWidth + rightWidth)
    out.set(left.subarray(row * leftWidth, (row + 1) * leftWidth), at)
    out.set(right.subarray(row * rightWidth, (row + 1) * rightWidth), at + leftWidth)
  }
  return out
}

const readTokenizer = Effect.fnUntraced(function*({ manifest, readAsset }: PipelineContext, role: string): Effect.fn.Return<Tokenizer, PipelineError> {
  const bytes = yield* readAsset(role)
  return yield* Effect.try({
    try: () => makeTokenizer(JSON.parse(new TextDecoder().decode(bytes)) as object, {}),
    catch: (cause) => new PipelineError({ class: "model_error", message: `${role} of ${manifest.name} is not a tokenizer.json: ${cause}` })
  })
})

/** CLIP ViT-L and OpenCLIP ViT-bigG: every prompt goes through both. */
export const openTextEncoders = Effect.fnUntraced(function*(context: PipelineContext, { tokens }: SdxlSettings) {
  const tokenizer = yield* readTokenizer(context, "tokenizer")
  const tokenizer2 = yield* readTokenizer(context, "tokenizer_2")
  const encoder = yield* context.openGraph("text_encoder")
  const encoder2 = yield* context.openGraph("text_encoder_2")
  const run = (session: Session, { ids }: PromptTokens, loras: LoraInputs) =>
    session.run({ input_ids: int64Input(ids, [1, ids.length]), ...loraInputsFor(session, loras) })
  const tokenise: TextEncoders["tokenise"] = (prompt) => [
    promptTokens(tokenizer, tokens.tokenizer, prompt),
    promptTokens(tokenizer2, tokens.tokenizer_2, prompt)
  ]
  const encode: TextEncoders["encode"] = Effect.fnUntraced(function*(prompt, loras) {
    const [first, second] = tokenise(prompt)
    const outputs = yield* run(encoder, first, loras)
    const outputs2 = yield* run(encoder2, second, loras)
    const hidden = sideBySide(floatsOf(outputs["hidden"]!), floatsOf(outputs2["hidden"]!), first.ids.length)
    return { hidden, pooled: floatsOf(outputs2["text_embeds"]!), cut: first.cut }
  })
  return { tokenise, encode }
})
