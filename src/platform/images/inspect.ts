import { Effect } from "effect"
import { imageMaxPixels } from "../../contract/limits.ts"
import { openImage } from "./hardened.ts"
import { InvalidImage } from "./InvalidImage.ts"
import { isComplete, type MediaType, mediaTypeOf } from "./signature.ts"

/** Sizes are those of the upright picture, after EXIF orientation. */
export interface ImageInfo {
  readonly mediaType: MediaType
  readonly width: number
  readonly height: number
}

const tooManyPixels = new InvalidImage({
  reason: "too_many_pixels",
  message: `The image has more than ${imageMaxPixels / 1_000_000} megapixels; scale it down and send it again.`
})

/** Says what was wrong in words; libvips' own text is kept out, as it names internals. */
export const invalidFrom = (cause: unknown): InvalidImage =>
  /pixel limit/i.test(String(cause))
    ? tooManyPixels
    : new InvalidImage({
      reason: "undecodable",
      message: "The image is damaged: it could not be decoded. Open it in a viewer, save it again and send that file."
    })

/**
 * Reads the header only: format by signature, size, and whether the end of the file is there. Takes milliseconds and
 * next to no memory, for a decompression bomb too. Pixels are checked when the agent decodes them.
 */
export const inspect = Effect.fn("images.inspect")(function*(bytes: Uint8Array): Effect.fn.Return<ImageInfo, InvalidImage> {
  if (bytes.length === 0) {
    return yield* new InvalidImage({ reason: "empty", message: "The image is empty: it holds no bytes." })
  }
  const mediaType = mediaTypeOf(bytes)
  if (mediaType === undefined) {
    return yield* new InvalidImage({
      reason: "unsupported_format",
      message: "The image is not a JPEG, PNG or WebP file; convert it to one of these."
    })
  }
  if (!isComplete(bytes, mediaType)) {
    return yield* new InvalidImage({
      reason: "incomplete",
      message: "The end of the image is missing: it was probably cut off while it was being sent."
    })
  }
  const metadata = yield* Effect.tryPromise({ try: () => openImage(bytes).metadata(), catch: invalidFrom })
  const { height, width } = metadata.autoOrient
  if (width * height > imageMaxPixels) return yield* tooManyPixels
  return { mediaType, width, height }
})
