/** What a token writes, in bytes: a character may be spread over several tokens. */

export type TokenBytes = (token: string) => Uint8Array

const encoder = new TextEncoder()

/** SentencePiece: `▁` is a space, `<0xE2>` a byte. */
const ofPieces: TokenBytes = (token) => {
  const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1]
  return byte === undefined ? encoder.encode(token.replaceAll("▁", " ")) : Uint8Array.of(Number.parseInt(byte, 16))
}

/** Bytes that stand for themselves in GPT-2's alphabet; the others follow from 256 on, in order. */
const isPrinted = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)

const byteOfLetter = new Map<string, number>()
for (let byte = 0, next = 256; byte < 256; byte++) byteOfLetter.set(String.fromCodePoint(isPrinted(byte) ? byte : next++), byte)

const ofLetters: TokenBytes = (token) => Uint8Array.from(token, (letter) => byteOfLetter.get(letter) ?? 63)

/** What a `decoder` of `tokenizer.json` says, in whatever order and depth. */
const typesOf = (decoder: unknown): ReadonlyArray<unknown> => {
  if (typeof decoder !== "object" || decoder === null) return []
  const { decoders = [], type } = decoder as { readonly type?: unknown; readonly decoders?: ReadonlyArray<unknown> }
  return [type, ...decoders.flatMap(typesOf)]
}

export interface TokenScheme {
  readonly bytesOf: TokenBytes
  /** A text begins with a space that was not in it. */
  readonly startsWithSpace: boolean
}

export const tokenScheme = (tokenizer: object): TokenScheme => {
  const types = typesOf((tokenizer as { readonly decoder?: unknown }).decoder)
  const isByteLevel = types.includes("ByteLevel")
  return { bytesOf: isByteLevel ? ofLetters : ofPieces, startsWithSpace: !isByteLevel }
}
