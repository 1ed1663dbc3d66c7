import type { TransformerSettings } from "./settings.ts"
import type { RopeTables } from "./vision.ts"

/** Rows and columns of packed latents of a picture. */
export interface LatentGrid {
  readonly rows: number
  readonly columns: number
}

/** One frequency a pair of dimensions, for each axis. In float32, as the reference has them. */
const frequenciesOf = ({ rope_axes, rope_theta }: TransformerSettings): ReadonlyArray<ReadonlyArray<number>> =>
  rope_axes.map((size) => Array.from({ length: size / 2 }, (_, k) => Math.fround(1 / Math.fround(rope_theta ** Math.fround((2 * k) / size)))))

const tables = (positions: ReadonlyArray<readonly [number, number, number]>, settings: TransformerSettings): RopeTables => {
  const frequencies = frequenciesOf(settings)
  const width = frequencies.reduce((sum, axis) => sum + axis.length, 0)
  const cos = new Float32Array(positions.length * width)
  const sin = new Float32Array(positions.length * width)
  let at = 0
  for (const position of positions) {
    frequencies.forEach((axis, i) => {
      for (const frequency of axis) {
        const angle = Math.fround(position[i]! * frequency)
        cos[at] = Math.cos(angle)
        sin[at++] = Math.sin(angle)
      }
    })
  }
  return { cos, sin }
}

/** [image tokens, pairs]. The frame is the picture's number (0 = the one that is made); rows and columns count from the middle. */
export const imageRope = (grids: ReadonlyArray<LatentGrid>, settings: TransformerSettings): RopeTables => {
  const positions: Array<readonly [number, number, number]> = []
  grids.forEach(({ columns, rows }, frame) => {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        positions.push([frame, row - Math.ceil(rows / 2), column - Math.ceil(columns / 2)])
      }
    }
  })
  return tables(positions, settings)
}

/** [text tokens, pairs]. Words stand behind the largest picture's half, on all three axes. */
export const textRope = (tokens: number, grids: ReadonlyArray<LatentGrid>, settings: TransformerSettings): RopeTables => {
  const start = Math.max(...grids.map(({ columns, rows }) => Math.max(Math.floor(rows / 2), Math.floor(columns / 2))))
  return tables(Array.from({ length: tokens }, (_, i) => [start + i, start + i, start + i] as const), settings)
}
