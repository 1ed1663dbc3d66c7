import type { Tokenizer } from "../../tokenizers/Tokenizer.ts"

/**
 * Tokens to text as they come. A character whose bytes are spread over tokens appears with its last one, never before;
 * bytes that are no UTF-8 become U+FFFD; a character that the end cuts off is left out.
 */
export interface Detokenizer {
  /** Takes the next tokens and gives all text so far. */
  readonly write: (ids: ReadonlyArray<number>) => string
}

export const makeDetokenizer = (tokenizer: Pick<Tokenizer, "bytesOf" | "startsWithSpace">): Detokenizer => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  let text = ""
  let isSpaceDue = tokenizer.startsWithSpace
  const add = (piece: string): void => {
    if (piece === "") return
    text += isSpaceDue && piece.startsWith(" ") ? piece.slice(1) : piece
    isSpaceDue = false
  }
  return {
    write: (ids) => {
      for (const id of ids) add(decoder.decode(tokenizer.bytesOf(id), { stream: true }))
      return text
    }
  }
}
