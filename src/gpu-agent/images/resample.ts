import type { RawImage } from "../../platform/images/hardened.ts"

/**
 * Pillow 13's `Image.resize`, byte for byte: separable and antialiased, 8-bit pixels with 22-bit fixed-point coefficients,
 * rounded to 8 bits between the two passes. Models were trained on pictures made so.
 */

const precisionBits = 22

interface Filter {
  /** Half of its width, in output pixels. */
  readonly support: number
  readonly weight: (x: number) => number
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI))

const cubic = -0.5
const cubicWeight = (distance: number): number => {
  const x = Math.abs(distance)
  if (x < 1) return ((cubic + 2) * x - (cubic + 3)) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * cubic : 0
}

const filters = {
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  bicubic: { support: 2, weight: cubicWeight }
} as const satisfies Record<string, Filter>

export type ResampleFilter = keyof typeof filters

/** The input pixels that one output pixel is made of, and their weights in 22-bit fixed point. */
interface Tap {
  readonly from: number
  readonly weights: Int32Array
}

const tapsOf = (inSize: number, outSize: number, filter: Filter): ReadonlyArray<Tap> => {
  const scale = inSize / outSize
  const stretch = Math.max(scale, 1)
  const support = filter.support * stretch
  return Array.from({ length: outSize }, (_, out) => {
    const center = (out + 0.5) * scale
    const from = Math.max(0, Math.trunc(center - support + 0.5))
    const to = Math.min(inSize, Math.trunc(center + support + 0.5))
    const weights = Array.from({ length: to - from }, (_, x) => filter.weight((x + from - center + 0.5) * (1 / stretch)))
    const sum = weights.reduce((total, weight) => total + weight, 0)
    // Rounded away from zero at the half, as C's cast after ±0.5 does.
    const fixed = weights.map((weight) => {
      const scaled = (sum === 0 ? weight : weight / sum) * 2 ** precisionBits
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
    })
    return { from, weights: Int32Array.from(fixed) }
  })
}

const clamped = (sum: number): number => {
  const value = sum >> precisionBits
  return value < 0 ? 0 : value > 255 ? 255 : value
}

const half = 1 << (precisionBits - 1)

const resizeRows = ({ data, height, width: inWidth }: RawImage, width: number, filter: Filter): RawImage => {
  const taps = tapsOf(inWidth, width, filter)
  const output = new Uint8Array(width * height * 3)
  let into = 0
  for (let line = 0; line < height; line++) {
    for (const { from, weights } of taps) {
      let red = half
      let green = half
      let blue = half
      let at = (line * inWidth + from) * 3
      for (let x = 0; x < weights.length; x++) {
        const weight = weights[x]!
        red = (red + Math.imul(data[at++]!, weight)) | 0
        green = (green + Math.imul(data[at++]!, weight)) | 0
        blue = (blue + Math.imul(data[at++]!, weight)) | 0
      }
      output[into++] = clamped(red)
      output[into++] = clamped(green)
      output[into++] = clamped(blue)
    }
  }
  return { data: output, width, height }
}

/** Line by line of the input, not column by column: memory is read in its order. */
const resizeColumns = ({ data, height: inHeight, width }: RawImage, height: number, filter: Filter): RawImage => {
  const output = new Uint8Array(width * height * 3)
  const lineBytes = width * 3
  const sums = new Int32Array(lineBytes)
  tapsOf(inHeight, height, filter).forEach(({ from, weights }, line) => {
    sums.fill(half)
    for (let y = 0; y < weights.length; y++) {
      const weight = weights[y]!
      const at = (from + y) * lineBytes
      for (let i = 0; i < lineBytes; i++) sums[i]! += Math.imul(data[at + i]!, weight)
    }
    for (let i = 0; i < lineBytes; i++) output[line * lineBytes + i] = clamped(sums[i]!)
  })
  return { data: output, width, height }
}

/** Which pass is first shows in the rounding. Found by trying Pillow on thousands of sizes: versions before 13 began with the rows always. */
const columnsFirst = (image: RawImage, width: number, height: number): boolean =>
  height < image.height && image.height - height > 2 * (image.width - width)

/** A picture of this size; the same one when it has it. A side that keeps its length is not filtered. */
export const resample = (image: RawImage, width: number, height: number, filter: ResampleFilter): RawImage => {
  const rows = (input: RawImage) => (width === input.width ? input : resizeRows(input, width, filters[filter]))
  const columns = (input: RawImage) => (height === input.height ? input : resizeColumns(input, height, filters[filter]))
  return columnsFirst(image, width, height) ? rows(columns(image)) : columns(rows(image))
}
