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

/** Where the pixels of one pass are: `step` from one to the next along the line, lines `lineStep` apart. */
interface Layout {
  readonly step: number
  readonly lineStep: number
}

const pass = (input: Uint8Array, from: Layout, to: Layout, shape: { readonly lines: number; readonly taps: ReadonlyArray<Tap> }): Uint8Array => {
  const output = new Uint8Array(shape.lines * shape.taps.length * 3)
  for (let line = 0; line < shape.lines; line++) {
    for (let out = 0; out < shape.taps.length; out++) {
      const { from: first, weights } = shape.taps[out]!
      let red = 1 << (precisionBits - 1)
      let green = red
      let blue = red
      let at = line * from.lineStep + first * from.step
      for (let x = 0; x < weights.length; x++, at += from.step) {
        const weight = weights[x]!
        red += input[at]! * weight
        green += input[at + 1]! * weight
        blue += input[at + 2]! * weight
      }
      const into = line * to.lineStep + out * to.step
      output[into] = clamped(red)
      output[into + 1] = clamped(green)
      output[into + 2] = clamped(blue)
    }
  }
  return output
}

const resizeRows = (image: RawImage, width: number, filter: Filter): RawImage => {
  if (width === image.width) return image
  const from = { step: 3, lineStep: image.width * 3 }
  const to = { step: 3, lineStep: width * 3 }
  return { ...image, width, data: pass(image.data, from, to, { lines: image.height, taps: tapsOf(image.width, width, filter) }) }
}

const resizeColumns = (image: RawImage, height: number, filter: Filter): RawImage => {
  if (height === image.height) return image
  const columns = { step: image.width * 3, lineStep: 3 }
  return { ...image, height, data: pass(image.data, columns, columns, { lines: image.width, taps: tapsOf(image.height, height, filter) }) }
}

/** Which pass is first shows in the rounding. Found by trying Pillow on thousands of sizes: versions before 13 began with the rows always. */
const columnsFirst = (image: RawImage, width: number, height: number): boolean =>
  height < image.height && image.height - height > 2 * (image.width - width)

/** A new picture of this size. A side that keeps its length is not filtered. */
export const resample = (image: RawImage, width: number, height: number, filter: ResampleFilter): RawImage =>
  columnsFirst(image, width, height)
    ? resizeRows(resizeColumns(image, height, filters[filter]), width, filters[filter])
    : resizeColumns(resizeRows(image, width, filters[filter]), height, filters[filter])
