import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers"
import { tokenScheme } from "./tokenBytes.ts"

/** A `tokenizer.json` at work: text to the ids that the model was trained on, and back. */
export interface Tokenizer {
  /** Without special tokens, unless the text names them. */
  readonly encode: (text: string) => ReadonlyArray<number>
  readonly decode: (ids: ReadonlyArray<number>) => string
  readonly idOf: (token: string) => number | undefined
  /** UTF-8 that a token writes, perhaps a part of a character; nothing for a special token. */
  readonly bytesOf: (id: number) => Uint8Array
  /** A decoded text begins with a space that is not part of it. */
  readonly startsWithSpace: boolean
}

const nothing = new Uint8Array(0)

/** `tokenizer` and `config`: the parsed `tokenizer.json` and `tokenizer_config.json`. Throws when they are not such files. */
export const makeTokenizer = (tokenizer: object, config: object): Tokenizer => {
  const inner = new HuggingFaceTokenizer(tokenizer, config)
  const added = inner.get_added_tokens_decoder()
  const scheme = tokenScheme(tokenizer)
  const bytesOf = (id: number): Uint8Array => {
    const addition = added.get(id)
    if (addition !== undefined) return addition.special ? nothing : new TextEncoder().encode(addition.content)
    const token = inner.id_to_token(id)
    return token === undefined ? nothing : scheme.bytesOf(token)
  }
  return {
    encode: (text) => inner.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) => inner.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    idOf: (token) => inner.token_to_id(token),
    bytesOf,
    startsWithSpace: scheme.startsWithSpace
  }
}
