import { Effect } from "effect"
import type { RawImage } from "../../../platform/images/hardened.ts"
import type { Session } from "../../onnx/session.ts"
import { floatInput, floatsOf, int64Input } from "../../onnx/tensors.ts"
import { makeTokenizer } from "../../tokenizers/Tokenizer.ts"
import { type PipelineContext, PipelineError } from "../Pipeline.ts"
import { concatenate } from "./latents.ts"
import { type Grid, patchesOf } from "./processor.ts"
import { expandImages, imagePad, promptText, ropePositions } from "./prompt.ts"
import type { QwenImageEditSettings, TextSettings } from "./settings.ts"
import { gatherRows, scatterRows, visionLayout, visionRope } from "./vision.ts"

/** Qwen2.5-VL: pictures and a prompt to hidden states. */

/** What the vision tower says of all pictures; the same for the prompt and for the negative one. */
export interface SeenPictures {
  /** Of each picture, in tokens. */
  readonly grids: ReadonlyArray<Grid>
  /** [tokens, hidden_size] */
  readonly embeds: Float32Array
}

export interface EncodedPrompt {
  readonly tokens: ReadonlyArray<number>
  /** [tokens, hidden_size], the template's start included. */
  readonly hidden: Float32Array
}

const parsed = (bytes: Uint8Array): object => JSON.parse(new TextDecoder().decode(bytes)) as object

const openTokenizer = Effect.fnUntraced(function*({ manifest, readAsset }: PipelineContext) {
  const [tokenizer, config] = yield* Effect.all([readAsset("tokenizer"), readAsset("tokenizer_config")])
  return yield* Effect.try({
    try: () => makeTokenizer(parsed(tokenizer), parsed(config)),
    catch: (cause) => new PipelineError({ class: "model_error", message: `${manifest.name}: the tokenizer cannot be read: ${cause}` })
  })
})

/** A bfloat16 is the upper half of a float32. */
const widened = (bytes: Uint8Array): Float32Array => {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
  return new Float32Array(Uint32Array.from(halves, (bits) => bits * 0x1_0000).buffer)
}

const rowsOf = (bytes: Uint8Array, type: TextSettings["embeddings_type"]): Float32Array =>
  type === "bfloat16" ? widened(bytes) : new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)

/** Looks tokens up in the table: [tokens, hidden_size]. */
const embed = Effect.fnUntraced(function*(tokens: ReadonlyArray<number>, { readAssetParts }: PipelineContext, text: TextSettings) {
  const rowBytes = text.hidden_size * (text.embeddings_type === "bfloat16" ? 2 : 4)
  const known = [...new Set(tokens)]
  const rows = yield* readAssetParts("token_embeddings", known.map((token) => ({ offset: token * rowBytes, bytes: rowBytes })))
  const place = new Map(known.map((token, i) => [token, i]))
  const table = concatenate(rows.map((row) => rowsOf(row, text.embeddings_type)))
  return gatherRows(table, text.hidden_size, tokens.map((token) => place.get(token)!))
})

const see = (session: Session, { processor, text, vision }: QwenImageEditSettings) =>
  Effect.fnUntraced(function*(images: ReadonlyArray<RawImage>) {
    const patches = images.map((image) => patchesOf(image, processor))
    const merge = processor.merge_size
    const layout = visionLayout(patches.map(({ grid }) => grid), processor, vision)
    const pixels = concatenate(patches.map((one) => one.pixels))
    const count = layout.windowIds.length
    const width = pixels.length / count
    const { cos, sin } = visionRope(layout.positions, vision)
    const outputs = yield* session.run({
      pixel_values: floatInput(session, "pixel_values", gatherRows(pixels, width * merge * merge, layout.windowIndex), [count, width]),
      cos: floatInput(session, "cos", cos, [count, vision.head_size]),
      sin: floatInput(session, "sin", sin, [count, vision.head_size]),
      window_ids: int64Input(layout.windowIds, [count]),
      image_ids: int64Input(layout.imageIds, [count])
    })
    const inWindows = floatsOf(outputs["image_embeds"]!)
    return {
      grids: patches.map(({ grid }) => ({ rows: grid.rows / merge, columns: grid.columns / merge })),
      embeds: scatterRows(inWindows, text.hidden_size, layout.windowIndex)
    }
  })

export const openTextEncoder = Effect.fnUntraced(function*(context: PipelineContext, settings: QwenImageEditSettings) {
  const { manifest, openGraph } = context
  const tokenizer = yield* openTokenizer(context)
  const imageToken = tokenizer.idOf(imagePad)
  if (imageToken === undefined) {
    return yield* new PipelineError({ class: "model_error", message: `${manifest.name}: its tokenizer has no ${imagePad}.` })
  }
  const vision = yield* openGraph("vision")
  const language = yield* openGraph("text_encoder")
  const { text } = settings

  const tokensOf = (prompt: string, grids: ReadonlyArray<Grid>): Effect.Effect<ReadonlyArray<number>, PipelineError> => {
    const tokens = tokenizer.encode(promptText(prompt, grids.length))
    return tokens.filter((token) => token === imageToken).length === grids.length
      ? Effect.succeed(expandImages(tokens, imageToken, grids.map(({ columns, rows }) => columns * rows)))
      : Effect.fail(new PipelineError({ class: "invalid_input", message: `The prompt may not contain ${imagePad}: it stands for a picture.` }))
  }

  const encode = Effect.fnUntraced(function*(prompt: string, pictures: SeenPictures) {
    const tokens = yield* tokensOf(prompt, pictures.grids)
    const embeds = yield* embed(tokens, context, text)
    let seen = 0
    tokens.forEach((token, i) => {
      if (token !== imageToken) return
      embeds.set(pictures.embeds.subarray(seen * text.hidden_size, (seen + 1) * text.hidden_size), i * text.hidden_size)
      seen++
    })
    const positions = ropePositions(tokens, imageToken, pictures.grids).flat()
    const outputs = yield* language.run({
      inputs_embeds: floatInput(language, "inputs_embeds", embeds, [1, tokens.length, text.hidden_size]),
      position_ids: int64Input(positions, [3, 1, tokens.length])
    })
    return { tokens, hidden: floatsOf(outputs["last_hidden_state"]!) } satisfies EncodedPrompt
  })

  return { see: see(vision, settings), encode }
})
