import type { ProcessorSettings, VisionSettings } from "./settings.ts"
import { type Grid, patchOrder } from "./processor.ts"

/** Where each patch stands when the vision tower gets it: window after window, picture after picture. */
export interface VisionLayout {
  /** For each merged patch in window order, its place in reading order over all pictures. */
  readonly windowIndex: ReadonlyArray<number>
  /** Per patch, in window order: patches attend to those with the same id. */
  readonly windowIds: ReadonlyArray<number>
  readonly imageIds: ReadonlyArray<number>
  /** Row and column per patch, in window order. */
  readonly positions: ReadonlyArray<{ readonly row: number; readonly column: number }>
}

/** The merged patches of one picture, window by window; `window` is a side in merged patches. */
const windowsOf = (rows: number, columns: number, window: number): ReadonlyArray<ReadonlyArray<number>> => {
  const windows: Array<Array<number>> = []
  for (let top = 0; top < rows; top += window) {
    for (let left = 0; left < columns; left += window) {
      const members: Array<number> = []
      for (let row = top; row < Math.min(rows, top + window); row++) {
        for (let column = left; column < Math.min(columns, left + window); column++) members.push(row * columns + column)
      }
      windows.push(members)
    }
  }
  return windows
}

export const visionLayout = (grids: ReadonlyArray<Grid>, processor: ProcessorSettings, vision: VisionSettings): VisionLayout => {
  const merge = processor.merge_size
  const unit = merge * merge
  const window = Math.floor(vision.window_size / merge / processor.patch_size)
  const windowIndex: Array<number> = []
  const windowIds: Array<number> = []
  const imageIds: Array<number> = []
  const positions: Array<{ row: number; column: number }> = []
  let before = 0
  let windowId = 0
  grids.forEach((grid, image) => {
    const order = patchOrder(grid, merge)
    for (const members of windowsOf(grid.rows / merge, grid.columns / merge, window)) {
      for (const member of members) {
        windowIndex.push(before + member)
        for (let patch = 0; patch < unit; patch++) {
          windowIds.push(windowId)
          imageIds.push(image)
          positions.push(order[member * unit + patch]!)
        }
      }
      windowId++
    }
    before += order.length / unit
  })
  return { windowIndex, windowIds, imageIds, positions }
}

export interface RopeTables {
  readonly cos: Float32Array
  readonly sin: Float32Array
}

/** [patches, head_size]: row angles, column angles, and both again, for the halves of a head. */
export const visionRope = (positions: VisionLayout["positions"], { head_size, rope_theta }: VisionSettings): RopeTables => {
  const quarter = head_size / 4
  const frequencies = Array.from({ length: quarter }, (_, k) => Math.fround(1 / Math.fround(rope_theta ** Math.fround(k / quarter))))
  const cos = new Float32Array(positions.length * head_size)
  const sin = new Float32Array(positions.length * head_size)
  positions.forEach(({ column, row }, patch) => {
    for (let i = 0; i < head_size; i++) {
      const k = i % (head_size / 2)
      const angle = Math.fround((k < quarter ? row : column) * frequencies[k % quarter]!)
      cos[patch * head_size + i] = Math.cos(angle)
      sin[patch * head_size + i] = Math.sin(angle)
    }
  })
  return { cos, sin }
}

/** Rows of `width` values in another order: row i of the result is row `from[i]`. */
export const gatherRows = (values: Float32Array, width: number, from: ReadonlyArray<number>): Float32Array => {
  const gathered = new Float32Array(from.length * width)
  from.forEach((row, i) => gathered.set(values.subarray(row * width, (row + 1) * width), i * width))
  return gathered
}

/** The inverse: row `to[i]` of the result is row i. */
export const scatterRows = (values: Float32Array, width: number, to: ReadonlyArray<number>): Float32Array => {
  const scattered = new Float32Array(values.length)
  to.forEach((row, i) => scattered.set(values.subarray(i * width, (i + 1) * width), row * width))
  return scattered
}
