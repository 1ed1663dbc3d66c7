import { Effect } from "effect"
import { openImage, type RawImage } from "./hardened.ts"
import { inspect, invalidFrom } from "./inspect.ts"
import type { InvalidImage } from "./InvalidImage.ts"

const toRaw = async (bytes: Uint8Array): Promise<RawImage> => {
  const { data, info } = await openImage(bytes)
    .autoOrient()
    .flatten({ background: "white" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
  if (info.channels === 3) return { data, width: info.width, height: info.height }
  return { data: firstChannelThrice(data, info.channels), width: info.width, height: info.height }
}

const firstChannelThrice = (data: Uint8Array, channels: number): Uint8Array => {
  const pixels = data.length / channels
  const rgb = new Uint8Array(pixels * 3)
  for (let i = 0; i < pixels; i++) rgb.fill(data[i * channels]!, i * 3, i * 3 + 3)
  return rgb
}

/**
 * The picture upright, as 8-bit sRGB. Greyscale, CMYK, 16-bit and pictures with a colour profile are converted;
 * transparent pixels are put on white, because every edited picture is RGB without alpha. Of an animation the first frame.
 */
export const decode = Effect.fn("images.decode")(function*(bytes: Uint8Array): Effect.fn.Return<RawImage, InvalidImage> {
  yield* inspect(bytes)
  return yield* Effect.tryPromise({ try: () => toRaw(bytes), catch: invalidFrom })
})
