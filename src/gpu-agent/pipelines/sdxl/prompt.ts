import type { Tokenizer } from "../../tokenizers/Tokenizer.ts"
import type { TokenSettings } from "./settings.ts"

export interface PromptTokens {
  /** Exactly as many as the text encoder reads. */
  readonly ids: ReadonlyArray<number>
  /** The end of the text, where it was too long. */
  readonly cut: string | undefined
}

/** CLIP's way: begin, the text, end; filled up to the encoder's length, or cut to it. */
export const promptTokens = (tokenizer: Tokenizer, { bos, eos, length, pad }: TokenSettings, text: string): PromptTokens => {
  const all = tokenizer.encode(text)
  const room = length - 2
  const ids = [bos, ...all.slice(0, room), eos]
  return {
    ids: [...ids, ...Array.from({ length: length - ids.length }, () => pad)],
    cut: all.length > room ? tokenizer.decode(all.slice(room)) : undefined
  }
}

export const cutWarning = (what: string, cut: string | undefined, { length }: TokenSettings): ReadonlyArray<string> =>
  cut === undefined ? [] : [`${what} is longer than the ${length - 2} tokens that the model reads; left out: "${cut}"`]
