import { Effect } from "effect"
import type { RawImage } from "../../../platform/images/hardened.ts"
import type { OnnxError, Session } from "../../onnx/session.ts"
import { floatInput, floatsOf } from "../../onnx/tensors.ts"
import type { PipelineContext } from "../Pipeline.ts"
import type { Size } from "./conditioning.ts"
import type { SdxlSettings } from "./settings.ts"
import type { LatentShape } from "./unet.ts"

/** Pictures to scaled latents and back. */
export interface Vae {
  readonly shapeOf: (size: Size) => LatentShape
  /** A sample of the distribution that the encoder gives; `noise`: one number a latent. None where the model has no encoder. */
  readonly encode: ((image: RawImage, noise: Float32Array) => Effect.Effect<Float32Array, OnnxError>) | undefined
  readonly decode: (latents: Float32Array, size: Size) => Effect.Effect<RawImage, OnnxError>
}

const logVarianceMin = -30
const logVarianceMax = 20

/** Planes of -1..1, as the encoder reads them. */
export const planesOf = ({ data, height, width }: RawImage): Float32Array => {
  const pixels = width * height
  const planes = new Float32Array(pixels * 3)
  for (let i = 0; i < pixels; i++) {
    for (let channel = 0; channel < 3; channel++) planes[channel * pixels + i] = (data[i * 3 + channel]! / 255) * 2 - 1
  }
  return planes
}

export const imageOf = (planes: Float32Array, { height, width }: Size): RawImage => {
  const pixels = width * height
  // Clamps, and rounds halves to even, as numpy does.
  const data = new Uint8ClampedArray(pixels * 3)
  for (let i = 0; i < pixels; i++) {
    for (let channel = 0; channel < 3; channel++) data[i * 3 + channel] = (planes[channel * pixels + i]! / 2 + 0.5) * 255
  }
  return { data: new Uint8Array(data.buffer), width, height }
}

/** `moments`: the means of all latents, then the logarithms of their variances. */
export const sampleOf = (moments: Float32Array, noise: Float32Array): Float32Array => {
  const half = moments.length / 2
  return Float32Array.from({ length: half }, (_, i) => {
    const logVariance = Math.min(Math.max(moments[half + i]!, logVarianceMin), logVarianceMax)
    return moments[i]! + Math.exp(logVariance / 2) * noise[i]!
  })
}

const encode = Effect.fnUntraced(function*(session: Session, image: RawImage, noise: Float32Array, factor: number) {
  const input = floatInput(session, "image", planesOf(image), [1, 3, image.height, image.width])
  const { moments } = yield* session.run({ image: input })
  return sampleOf(floatsOf(moments!), noise).map((value) => value * factor)
})

export const openVae = Effect.fnUntraced(function*({ hasGraph, openGraph }: PipelineContext, settings: SdxlSettings) {
  const { size_multiple, vae: { latent_channels, scaling_factor } } = settings
  const encoder = hasGraph("vae_encoder") ? yield* openGraph("vae_encoder") : undefined
  const decoder = yield* openGraph("vae_decoder")
  const shapeOf = ({ height, width }: Size): LatentShape => [latent_channels, height / size_multiple, width / size_multiple]
  const decode: Vae["decode"] = Effect.fnUntraced(function*(latents, size) {
    const unscaled = latents.map((value) => value / scaling_factor)
    const outputs = yield* decoder.run({ latents: floatInput(decoder, "latents", unscaled, [1, ...shapeOf(size)]) })
    return imageOf(floatsOf(outputs["image"]!), size)
  })
  const vae: Vae = {
    shapeOf,
    encode: encoder && ((image, noise) => encode(encoder, image, noise, scaling_factor)),
    decode
  }
  return vae
})
