import { Effect } from "effect"
import { noiseOf } from "../../noise/philox.ts"
import type { OnnxError } from "../../onnx/session.ts"
import { chatTemplate, type RenderChat } from "../../tokenizers/chatTemplate.ts"
import { makeTokenizer, type Tokenizer } from "../../tokenizers/Tokenizer.ts"
import { type LoadPipeline, type OnStep, type PipelineContext, PipelineError, type PipelineRequest, type PipelineResult } from "../Pipeline.ts"
import { type Decoder, generateDecoder, stepDecoder } from "./decoding.ts"
import { makeDetokenizer } from "./detokenizer.ts"
import { makePace } from "./pace.ts"
import { samplingOf } from "./sampler.ts"
import { type CausalLmSettings, defaults, settingsOf } from "./settings.ts"

/** A language model that answers a prompt: Mistral-7B-Instruct and its kin. */

interface Model {
  readonly name: string
  readonly settings: CausalLmSettings
  readonly tokenizer: Tokenizer
  readonly renderChat: RenderChat
  readonly decoder: Decoder
}

const broken = (message: string) => new PipelineError({ class: "model_error", message })

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** Reports that say nothing new within this time are left out; it is also how soon a cancelled run ends. */
const reportEveryMs = 100

const promptTokens = Effect.fnUntraced(function*(model: Model, prompt: string) {
  const text = yield* Effect.try({
    try: () => model.renderChat([{ role: "user", content: prompt }]),
    catch: (cause) => broken(`the chat template of ${model.name} failed: ${messageOf(cause)}`)
  })
  const ids = model.tokenizer.encode(text)
  const room = model.settings.context_length - 1
  if (ids.length > room) {
    return yield* new PipelineError({
      class: "invalid_input",
      message: `prompt: it is ${ids.length} tokens long, and ${model.name} reads at most ${room}. Shorten it.`
    })
  }
  return ids
})

const write = Effect.fnUntraced(function*(
  model: Model,
  request: PipelineRequest,
  onStep: OnStep
): Effect.fn.Return<PipelineResult, PipelineError | OnnxError> {
  const { max_tokens = defaults.max_tokens, temperature = defaults.temperature, top_p = defaults.top_p } = request.parameters
  const prompt = yield* promptTokens(model, request.prompt)
  const limit = Math.min(max_tokens, model.settings.context_length - prompt.length)
  const decoding = model.decoder.begin(samplingOf(request.parameters))
  const detokenizer = makeDetokenizer(model.tokenizer)
  const pace = makePace()
  const noise = noiseOf(request.seed)

  let unread: ReadonlyArray<number> = prompt
  let written = 0
  let text = ""
  let isEnded = false
  let reportedMs = Number.NEGATIVE_INFINITY
  yield* onStep(0, limit)
  while (written < limit && !isEnded) {
    const count = Math.min(pace.tokens(), model.decoder.tokensMax, limit - written)
    const startedMs = performance.now()
    // One number a token, however many a run makes: a seed gives the same text on a fast and on a slow machine.
    const tokens = yield* decoding.next(unread, Array.from({ length: count }, noise.uniform))
    const nowMs = performance.now()
    pace.took(tokens.length, nowMs - startedMs)
    written += tokens.length
    text = detokenizer.write(tokens)
    unread = tokens.slice(-1)
    isEnded = unread.some((id) => model.settings.eos_token_ids.includes(id))
    if (nowMs - reportedMs < reportEveryMs) continue
    reportedMs = nowMs
    yield* onStep(written, limit, text)
  }
  const isContextFull = !isEnded && limit < max_tokens
  return {
    images: [],
    text,
    finish_reason: isEnded ? "stop" : "length",
    parameters: { max_tokens, temperature, top_p, seed: request.seed },
    warnings: isContextFull
      ? [`max_tokens is ${max_tokens}; ${model.name} holds ${model.settings.context_length} tokens, which left ${limit} after the prompt.`]
      : []
  }
})

const readJson = Effect.fnUntraced(function*({ manifest, readAsset }: PipelineContext, role: string) {
  const bytes = yield* readAsset(role)
  return yield* Effect.try({
    try: () => JSON.parse(new TextDecoder().decode(bytes)) as object,
    catch: (cause) => broken(`the asset ${role} of ${manifest.name} is not JSON: ${messageOf(cause)}`)
  })
})

export const loadCausalLm: LoadPipeline = Effect.fnUntraced(function*(context) {
  const { hasGraph, manifest: { name }, openGraph } = context
  const settings = yield* settingsOf(context.manifest)
  const files = [yield* readJson(context, "tokenizer"), yield* readJson(context, "tokenizer_config")] as const
  const [tokenizer, renderChat] = yield* Effect.try({
    try: () => [makeTokenizer(...files), chatTemplate(settings.chat_template, settings)] as const,
    catch: (cause) => broken(`the tokenizer or chat template of ${name} cannot be used: ${messageOf(cause)}`)
  })
  const decoder = hasGraph("generate")
    ? generateDecoder(yield* openGraph("generate"), settings)
    : stepDecoder(yield* openGraph("decoder"), settings)
  if (decoder.missing.length > 0) {
    return yield* broken(`a graph of ${name} lacks ${decoder.missing.join(", ")}; settings.cache says ${settings.cache.layers} layers.`)
  }
  const model = { name, settings, tokenizer, renderChat, decoder }
  return { run: (request, onStep) => write(model, request, onStep) }
})
