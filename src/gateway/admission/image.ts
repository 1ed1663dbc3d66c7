import { Effect, Result } from "effect"
import { imageMaxBytes } from "../../contract/limits.ts"
import { type ApiProblem, invalidField, problem } from "../problem.ts"

/** The bytes of an image sent as text. Pure. */

export const checkImageBytes = (bytes: Uint8Array): Result.Result<Uint8Array, ApiProblem> =>
  bytes.byteLength <= imageMaxBytes
    ? Result.succeed(bytes)
    : Result.fail(problem("too-large", `The image has ${(bytes.byteLength / 1024 ** 2).toFixed(1)} MiB; at most 10 MiB are taken.`))

/**
 * Node's decoder skips whatever is not base64, so a wrong text shows in the length. The usual text, one line without
 * anything to skip, is decoded once and looked at no further.
 */
const decodeBase64 = (text: string): Buffer | undefined => {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  const bytes = Buffer.from(text, "base64")
  if (bytes.byteLength === Math.floor(((text.length - padding) * 3) / 4)) return bytes
  const dense = text.replace(/\s+/g, "")
  return dense.length < text.length ? decodeBase64(dense) : undefined
}

/** Base64, or a `data:` URL with base64. */
export const decodeImageText = (field: string, text: string): Result.Result<Uint8Array, ApiProblem> => {
  if (/^https?:\/\//i.test(text.slice(0, 10))) {
    return Result.fail(invalidField(field, "URLs are not fetched here; send the image itself as base64 or as a data: URL"))
  }
  let base64 = text
  if (text.startsWith("data:")) {
    const comma = text.indexOf(",")
    if (comma < 0 || comma > 200 || !text.slice(0, comma).toLowerCase().endsWith(";base64")) {
      return Result.fail(invalidField(field, "a data: URL must say ;base64 before its data"))
    }
    base64 = text.slice(comma + 1)
  }
  const bytes = decodeBase64(base64)
  return bytes === undefined || bytes.byteLength === 0
    ? Result.fail(invalidField(field, "is not base64"))
    : checkImageBytes(bytes)
}

/** The image of a request: a file of a multipart body, else the text of its field. */
export const imageOf = (field: string, file: Uint8Array | undefined, text: string): Effect.Effect<Uint8Array, ApiProblem> =>
  Effect.fromResult(file === undefined ? decodeImageText(field, text) : checkImageBytes(file))
