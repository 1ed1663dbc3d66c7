import { Effect, Result } from "effect"
import { imageMaxBytes } from "../../contract/limits.ts"
import { decodeBase64 } from "../base64.ts"
import { GatewayConfig } from "../config.ts"
import { type ApiProblem, invalidField, problem } from "../problem.ts"
import type { SentImage } from "./body.ts"
import { fetchImage } from "./fetchImage.ts"

/** The bytes of an image, however it was sent. */

export const checkImageBytes = (bytes: Uint8Array): Result.Result<Uint8Array, ApiProblem> =>
  bytes.byteLength <= imageMaxBytes
    ? Result.succeed(bytes)
    : Result.fail(problem("too-large", `The image has ${(bytes.byteLength / 1024 ** 2).toFixed(1)} MiB; at most 10 MiB are taken.`))

/** Longest `data:…,` before the data. */
const dataUrlHeadMaxBytes = 200

/** Base64, or a `data:` URL with base64. */
export const decodeImageText = (field: string, text: Buffer): Result.Result<Uint8Array, ApiProblem> => {
  let base64 = text
  if (text.toString("latin1", 0, 5) === "data:") {
    const comma = text.subarray(0, dataUrlHeadMaxBytes).indexOf(",")
    if (comma < 0 || !text.toString("latin1", 0, comma).toLowerCase().endsWith(";base64")) {
      return Result.fail(invalidField(field, "a data: URL must say ;base64 before its data"))
    }
    base64 = text.subarray(comma + 1)
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

/** The image of a request: a file of a form, the text of its field, or what is at its URL. */
export const imageOf = (
  field: string,
  sent: SentImage | undefined,
  text: string
): Effect.Effect<Uint8Array, ApiProblem, GatewayConfig> => {
  if (sent?._tag === "File") return Effect.fromResult(checkImageBytes(sent.bytes))
  if (sent?._tag === "Text") return Effect.fromResult(decodeImageText(field, sent.text))
  return /^https?:\/\//i.test(text.slice(0, 10)) ? fromUrl(field, text) : Effect.fromResult(decodeImageText(field, Buffer.from(text)))
}
