import { Effect } from "effect"
import { resample } from "../../images/resample.ts"
import type { RawImage } from "../../../platform/images/hardened.ts"
import { floatInput, floatsOf } from "../../onnx/tensors.ts"
import type { PipelineContext } from "../Pipeline.ts"
import { denormalise, type LatentShape, normalise, pack, unpack } from "./latents.ts"
import type { LatentGrid } from "./rope.ts"
import type { QwenImageEditSettings } from "./settings.ts"
import { type Size, sizeFor } from "./size.ts"

/** The autoencoder: pictures to packed latents and back. */

/** A picture's latents as the transformer takes them. */
export interface PackedLatents {
  readonly grid: LatentGrid
  /** [rows × columns, channels × 4] */
  readonly values: Float32Array
}

/** [3, height, width] from -1 to 1. */
const planesOf = ({ data, height, width }: RawImage): Float32Array => {
  const plane = width * height
  const planes = new Float32Array(plane * 3)
  for (let i = 0; i < plane; i++) {
    for (let channel = 0; channel < 3; channel++) planes[channel * plane + i] = 2 * Math.fround(data[i * 3 + channel]! / 255) - 1
  }
  return planes
}

/** The inverse. A clamped array rounds halves to even, as numpy does. */
const pictureOf = (planes: Float32Array, { height, width }: Size): RawImage => {
  const plane = width * height
  const data = new Uint8ClampedArray(plane * 3)
  for (let i = 0; i < plane; i++) {
    for (let channel = 0; channel < 3; channel++) data[i * 3 + channel] = (planes[channel * plane + i]! / 2 + 0.5) * 255
  }
  return { data: new Uint8Array(data.buffer), width, height }
}

export const latentShapeOf = ({ height, width }: Size, { vae }: QwenImageEditSettings): LatentShape => ({
  channels: vae.mean.length,
  rows: height / vae.scale,
  columns: width / vae.scale
})

export const gridOf = ({ columns, rows }: LatentShape): LatentGrid => ({ rows: rows / 2, columns: columns / 2 })

export const openVae = Effect.fnUntraced(function*({ openGraph }: PipelineContext, settings: QwenImageEditSettings) {
  const encoder = yield* openGraph("vae_encoder")
  const decoder = yield* openGraph("vae_decoder")

  /** At the size at which the picture is edited. */
  const encode = Effect.fnUntraced(function*(image: RawImage) {
    const { height, width } = sizeFor(image, settings.areas.vae)
    const planes = planesOf(resample(image, width, height, "lanczos"))
    const outputs = yield* encoder.run({ sample: floatInput(encoder, "sample", planes, [1, 3, height, width]) })
    const shape = latentShapeOf({ width, height }, settings)
    return { grid: gridOf(shape), values: pack(normalise(floatsOf(outputs["latents"]!), settings.vae), shape) } satisfies PackedLatents
  })

  const decode = Effect.fnUntraced(function*(packed: Float32Array, size: Size) {
    const shape = latentShapeOf(size, settings)
    const latents = denormalise(unpack(packed, shape), settings.vae)
    const outputs = yield* decoder.run({
      latents: floatInput(decoder, "latents", latents, [1, shape.channels, shape.rows, shape.columns])
    })
    return pictureOf(floatsOf(outputs["sample"]!), size)
  })

  return { encode, decode }
})
