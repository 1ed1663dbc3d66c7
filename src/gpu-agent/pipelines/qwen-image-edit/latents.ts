import type { VaeSettings } from "./settings.ts"

/** Latents as the autoencoder has them, [channels, rows, columns], and packed for the transformer: 2 × 2 of them a token. */

export interface LatentShape {
  readonly channels: number
  readonly rows: number
  readonly columns: number
}

const pack2 = 2

/** Calls `visit` with the place of each value in a token sequence and in the channels. */
const pairs = ({ channels, columns, rows }: LatentShape, visit: (packed: number, unpacked: number) => void): void => {
  let packed = 0
  for (let row = 0; row < rows; row += pack2) {
    for (let column = 0; column < columns; column += pack2) {
      for (let channel = 0; channel < channels; channel++) {
        for (let y = 0; y < pack2; y++) {
          for (let x = 0; x < pack2; x++) visit(packed++, (channel * rows + row + y) * columns + column + x)
        }
      }
    }
  }
}

/** [channels, rows, columns] → [rows / 2 × columns / 2, channels × 4] */
export const pack = (latents: Float32Array, shape: LatentShape): Float32Array => {
  const packed = new Float32Array(latents.length)
  pairs(shape, (to, from) => { packed[to] = latents[from]! })
  return packed
}

/** [rows / 2 × columns / 2, channels × 4] → [channels, rows, columns] */
export const unpack = (packed: Float32Array, shape: LatentShape): Float32Array => {
  const latents = new Float32Array(packed.length)
  pairs(shape, (from, to) => { latents[to] = packed[from]! })
  return latents
}

/** To mean 0 and spread 1 in each channel. */
export const normalise = (latents: Float32Array, { mean, std }: VaeSettings): Float32Array => {
  const plane = latents.length / mean.length
  return latents.map((value, i) => (value - mean[Math.floor(i / plane)]!) / std[Math.floor(i / plane)]!)
}

export const denormalise = (latents: Float32Array, { mean, std }: VaeSettings): Float32Array => {
  const plane = latents.length / mean.length
  return latents.map((value, i) => value * std[Math.floor(i / plane)]! + mean[Math.floor(i / plane)]!)
}

export const concatenate = (parts: ReadonlyArray<Float32Array>): Float32Array => {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
