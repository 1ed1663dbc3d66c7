import { resample } from "../../images/resample.ts"
import { roundHalfEven } from "../../images/roundHalfEven.ts"
import type { RawImage } from "../../../platform/images/hardened.ts"
import type { ProcessorSettings } from "./settings.ts"
import type { Size } from "./size.ts"

/** The picture processor of Qwen2.5-VL: what the vision tower gets to see of a picture. */

/** Rows and columns of patches. */
export interface Grid {
  readonly rows: number
  readonly columns: number
}

export interface Patches {
  readonly grid: Grid
  /** [rows × columns, 3 × temporal_patch_size × patch_size²], merged patches beside each other. */
  readonly pixels: Float32Array
}

/** To whole merged patches, and between the least and the most pixels. */
export const smartResize = ({ height, width }: Size, { merge_size, patch_size, pixels_max, pixels_min }: ProcessorSettings): Size => {
  const factor = merge_size * patch_size
  const rounded = { width: roundHalfEven(width / factor) * factor, height: roundHalfEven(height / factor) * factor }
  const pixels = rounded.width * rounded.height
  if (pixels > pixels_max) {
    const beta = Math.sqrt((height * width) / pixels_max)
    const shrink = (side: number) => Math.max(factor, Math.floor(side / beta / factor) * factor)
    return { width: shrink(width), height: shrink(height) }
  }
  if (pixels < pixels_min) {
    const beta = Math.sqrt(pixels_min / (height * width))
    const grow = (side: number) => Math.ceil((side * beta) / factor) * factor
    return { width: grow(width), height: grow(height) }
  }
  return rounded
}

/** Value of a byte in a channel, in the reference's float32 steps. */
const normalisation = ({ mean, std }: ProcessorSettings): ReadonlyArray<Float32Array> =>
  mean.map((channelMean, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) =>
      Math.fround(Math.fround(Math.fround(byte * (1 / 255)) - Math.fround(channelMean)) / Math.fround(std[channel]!)))
  )

export const patchesOf = (image: RawImage, settings: ProcessorSettings): Patches => {
  const size = smartResize(image, settings)
  const { data } = resample(image, size.width, size.height, "bicubic")
  const { merge_size: merge, patch_size: patch, temporal_patch_size: frames } = settings
  const grid = { rows: size.height / patch, columns: size.width / patch }
  const values = normalisation(settings)
  const pixels = new Float32Array(grid.rows * grid.columns * 3 * frames * patch * patch)
  let at = 0
  for (const { column, row } of patchOrder(grid, merge)) {
    for (let channel = 0; channel < 3; channel++) {
      for (let frame = 0; frame < frames; frame++) {
        for (let y = 0; y < patch; y++) {
          let from = ((row * patch + y) * size.width + column * patch) * 3 + channel
          for (let x = 0; x < patch; x++, from += 3) pixels[at++] = values[channel]![data[from]!]!
        }
      }
    }
  }
  return { grid, pixels }
}

/** Patches that are merged into one token follow each other; the tokens are in reading order. */
export const patchOrder = ({ columns, rows }: Grid, merge: number): ReadonlyArray<{ readonly row: number; readonly column: number }> => {
  const order: Array<{ row: number; column: number }> = []
  for (let top = 0; top < rows; top += merge) {
    for (let left = 0; left < columns; left += merge) {
      for (let y = 0; y < merge; y++) {
        for (let x = 0; x < merge; x++) order.push({ row: top + y, column: left + x })
      }
    }
  }
  return order
}
