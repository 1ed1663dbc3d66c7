/** Which part of a photo an instruction is about: hand-drawn polygons in shares of width and height. */

export type Polygon = ReadonlyArray<readonly [number, number]>

export interface Size {
  readonly width: number
  readonly height: number
}

/** Even-odd rule at the middle of each pixel. */
const fill = (mask: Uint8Array, { height, width }: Size, polygon: Polygon, value: 0 | 1): void => {
  for (let y = 0; y < height; y++) {
    const at = (y + 0.5) / height
    const crossings: Array<number> = []
    polygon.forEach(([x0, y0], i) => {
      const [x1, y1] = polygon[(i + 1) % polygon.length]!
      if ((y0 > at) !== (y1 > at)) crossings.push(x0 + ((at - y0) / (y1 - y0)) * (x1 - x0))
    })
    crossings.sort((a, b) => a - b)
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, Math.ceil(crossings[i]! * width - 0.5))
      const to = Math.min(width - 1, Math.floor(crossings[i + 1]! * width - 0.5))
      for (let x = from; x <= to; x++) mask[y * width + x] = value
    }
  }
}

/** 1 inside `polygons` and outside `holes`. */
export const regionOf = (size: Size, polygons: ReadonlyArray<Polygon>, holes: ReadonlyArray<Polygon> = []): Uint8Array => {
  const mask = new Uint8Array(size.width * size.height)
  for (const polygon of polygons) fill(mask, size, polygon, 1)
  for (const hole of holes) fill(mask, size, hole, 0)
  return mask
}

export const complementOf = (mask: Uint8Array): Uint8Array => mask.map((inside) => 1 - inside)

/** Whether any pixel of the square of `2 * radius + 1` pixels around each is inside: hand-drawn borders are not exact. */
export const grown = (mask: Uint8Array, { height, width }: Size, radius: number): Uint8Array => {
  const alongRows = new Uint8Array(mask.length)
  const out = new Uint8Array(mask.length)
  for (let y = 0; y < height; y++) {
    let last = -Infinity
    for (let x = 0; x < width + radius; x++) {
      if (x < width && mask[y * width + x] === 1) last = x
      if (x >= radius && x - last <= 2 * radius) alongRows[y * width + x - radius] = 1
    }
  }
  for (let x = 0; x < width; x++) {
    let last = -Infinity
    for (let y = 0; y < height + radius; y++) {
      if (y < height && alongRows[y * width + x] === 1) last = y
      if (y >= radius && y - last <= 2 * radius) out[(y - radius) * width + x] = 1
    }
  }
  return out
}
