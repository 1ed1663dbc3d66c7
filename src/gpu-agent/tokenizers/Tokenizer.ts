import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers"

/** A `tokenizer.json` at work: text to the ids that the model was trained on, and back. */
export interface Tokenizer {
  /** Without special tokens, unless the text names them. */
  readonly encode: (text: string) => ReadonlyArray<number>
  readonly decode: (ids: ReadonlyArray<number>) => string
  readonly idOf: (token: string) => number | undefined
}

/** `tokenizer` and `config`: the parsed `tokenizer.json` and `tokenizer_config.json`. Throws when they are not such files. */
export const makeTokenizer = (tokenizer: object, config: object): Tokenizer => {
  const inner = new HuggingFaceTokenizer(tokenizer, config)
  return {
    encode: (text) => inner.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) => inner.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    idOf: (token) => inner.token_to_id(token)
  }
}
