/** What the first and last bytes of a file say about it, without decoding anything. */

export type MediaType = "image/jpeg" | "image/png" | "image/webp"

const startsWith = (bytes: Uint8Array, offset: number, expected: ReadonlyArray<number>): boolean =>
  bytes.length >= offset + expected.length && expected.every((byte, i) => bytes[offset + i] === byte)

const ascii = (text: string): ReadonlyArray<number> => [...text].map((char) => char.charCodeAt(0))

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

export const mediaTypeOf = (bytes: Uint8Array): MediaType | undefined => {
  if (startsWith(bytes, 0, [0xff, 0xd8, 0xff])) return "image/jpeg"
  if (startsWith(bytes, 0, pngSignature)) return "image/png"
  if (startsWith(bytes, 0, ascii("RIFF")) && startsWith(bytes, 8, ascii("WEBP"))) return "image/webp"
  return undefined
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const startOfScan = 0xda
const hasNoLength = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)

/** Walks the segments to the first scan, then looks for the end marker: an embedded thumbnail has one of its own. */
const jpegIsComplete = (bytes: Uint8Array): boolean => {
  const data = view(bytes)
  let at = 2
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return false
    const marker = bytes[at + 1]!
    if (marker === 0xff) at += 1
    else if (marker === startOfScan) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes("\xff\xd9", at, "latin1")
    else at += hasNoLength(marker) ? 2 : 2 + data.getUint16(at + 2)
  }
  return false
}

const pngIsComplete = (bytes: Uint8Array): boolean => {
  const data = view(bytes)
  let at = pngSignature.length
  while (at + 12 <= bytes.length) {
    if (startsWith(bytes, at + 4, ascii("IEND"))) return true
    at += 12 + data.getUint32(at)
  }
  return false
}

const webpIsComplete = (bytes: Uint8Array): boolean => view(bytes).getUint32(4, true) + 8 <= bytes.length

/** False for a file whose end is missing, as an upload that was cut off leaves it. */
export const isComplete = (bytes: Uint8Array, mediaType: MediaType): boolean => {
  switch (mediaType) {
    case "image/jpeg":
      return jpegIsComplete(bytes)
    case "image/png":
      return pngIsComplete(bytes)
    case "image/webp":
      return webpIsComplete(bytes)
  }
}
