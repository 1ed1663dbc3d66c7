/**
 * Base64 of pictures, in small pieces: a string of a megabyte is copied by every step it goes through, and each few of
 * them cost a full garbage collection. Pure.
 */

/** Characters a piece; a multiple of 4, and small enough to die young. */
const pieceChars = 32_768
const pieceBytes = (pieceChars / 4) * 3

const encodedLength = (bytes: number): number => Math.ceil(bytes / 3) * 4

const encodeInto = (target: Buffer, offset: number, bytes: Uint8Array): void => {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = offset
  for (let from = 0; from < source.length; from += pieceBytes) {
    at += target.write(source.toString("base64", from, from + pieceBytes), at, "latin1")
  }
}

/** `value` as JSON whose field, "" in `value`, is the base64 of `bytes`. */
export const jsonWithBase64 = (value: object, field: string, bytes: Uint8Array): Buffer => {
  const json = JSON.stringify(value)
  // Inside a string the quotes would be escaped, so this is the field itself.
  const empty = `${JSON.stringify(field)}:""`
  const at = json.indexOf(empty) + empty.length - 1
  const [head, tail] = [Buffer.from(json.slice(0, at)), Buffer.from(json.slice(at))]
  const text = Buffer.allocUnsafeSlow(head.length + encodedLength(bytes.byteLength) + tail.length)
  head.copy(text)
  encodeInto(text, head.length, bytes)
  tail.copy(text, text.length - tail.length)
  return text
}

const isPadding = (char: number | undefined): boolean => char === 0x3d

/** Node's decoder skips whatever is not base64, so that a wrong text shows in the length. */
const decodeDense = (text: Buffer): Buffer | undefined => {
  const padding = isPadding(text.at(-1)) ? (isPadding(text.at(-2)) ? 2 : 1) : 0
  const bytes = Buffer.allocUnsafeSlow(Math.floor(((text.length - padding) * 3) / 4))
  let at = 0
  for (let from = 0; from < text.length; from += pieceChars) {
    const piece = text.toString("latin1", from, from + pieceChars)
    const isLast = from + pieceChars >= text.length
    const written = bytes.write(piece, at, "base64")
    if (!isLast && written !== pieceBytes) return undefined
    at += written
  }
  return at === bytes.length ? bytes : undefined
}

/** The bytes of base64 (of either alphabet, with or without padding and line breaks); `undefined` when it is none. */
export const decodeBase64 = (text: Buffer): Buffer | undefined => {
  const bytes = decodeDense(text)
  if (bytes !== undefined) return bytes
  const dense = text.toString("latin1").replace(/\s+/g, "")
  return dense.length < text.length ? decodeDense(Buffer.from(dense, "latin1")) : undefined
}
