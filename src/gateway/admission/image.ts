import { Effect, Result } from "effect"
import { imageMaxBytes } from "../../contract/limits.ts"
import { GatewayConfig } from "../config.ts"
import { type ApiProblem, invalidField, problem } from "../problem.ts"
import { fetchImage } from "./fetchImage.ts"

/** The bytes of an image, however it was sent. */

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

const fromUrl = Effect.fnUntraced(function*(field: string, url: string) {
  const { imageUrls } = yield* GatewayConfig
  if (!imageUrls) {
    return yield* invalidField(field, "URLs are not fetched here (IMAGE_URLS); send the image itself as base64 or as a data: URL")
  }
  if (!url.toLowerCase().startsWith("https:")) return yield* invalidField(field, "only https: URLs are fetched")
  return yield* fetchImage(url).pipe(Effect.mapError((error) => invalidField(field, `the image cannot be fetched: ${error.message}`)))
})

/** The image of a request: a file of a multipart body, else the text of its field, or what is at its URL. */
export const imageOf = (
  field: string,
  file: Uint8Array | undefined,
  text: string
): Effect.Effect<Uint8Array, ApiProblem, GatewayConfig> => {
  if (file !== undefined) return Effect.fromResult(checkImageBytes(file))
  return /^https?:\/\//i.test(text.slice(0, 10)) ? fromUrl(field, text) : Effect.fromResult(decodeImageText(field, text))
}
