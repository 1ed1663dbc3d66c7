import type { Size } from "./region.ts"

/**
 * Scores of one edit, from its pixels alone: whether the region did what was asked (0..1), and how much the rest of the
 * photo changed. Asked for a hat these say nothing: only what can be measured is asked for.
 */

export interface Picture extends Size {
  /** RGB, 8 bits, row after row. */
  readonly data: Uint8Array
}

export type Expectation =
  | { readonly is: "colour"; readonly hue: number }
  | { readonly is: "brighter" | "darker" | "warmer" | "cooler" | "greyer" | "more vivid" | "blurred" | "sharper" | "inverted" }

/** What counts as done; less counts in proportion. Shares of the full range of a value, or of the value before. */
const doneAt = { luminance: 0.06, temperature: 0.06, greyer: 0.7, vivid: 0.15, blurred: 0.5, sharper: 0.1 }

const clamp = (value: number): number => Math.min(1, Math.max(0, value))

interface Sums {
  readonly count: number
  readonly luminance: number
  /** Red minus blue. */
  readonly temperature: number
  /** Largest minus smallest channel. */
  readonly chroma: number
  /** Mean difference of luminance to the right and lower neighbour. */
  readonly detail: number
}

const luminanceAt = ({ data }: Picture, i: number): number => (0.2126 * data[i * 3]! + 0.7152 * data[i * 3 + 1]! + 0.0722 * data[i * 3 + 2]!) / 255

const measure = (picture: Picture, mask: Uint8Array): Sums => {
  const { data, height, width } = picture
  let count = 0, luminance = 0, temperature = 0, chroma = 0, detail = 0
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue
    const [r, g, b] = [data[i * 3]!, data[i * 3 + 1]!, data[i * 3 + 2]!]
    const here = luminanceAt(picture, i)
    count++
    luminance += here
    temperature += (r - b) / 255
    chroma += (Math.max(r, g, b) - Math.min(r, g, b)) / 255
    if (i % width < width - 1) detail += Math.abs(luminanceAt(picture, i + 1) - here)
    if (i < (height - 1) * width) detail += Math.abs(luminanceAt(picture, i + width) - here)
  }
  const n = Math.max(1, count)
  return { count, luminance: luminance / n, temperature: temperature / n, chroma: chroma / n, detail: detail / n }
}

const hueOf = (r: number, g: number, b: number): number => {
  const top = Math.max(r, g, b)
  const span = top - Math.min(r, g, b)
  if (span === 0) return 0
  const sector = top === r ? (g - b) / span : top === g ? 2 + (b - r) / span : 4 + (r - g) / span
  return (sector * 60 + 360) % 360
}

const hueTolerance = 35
/** Below this a pixel has no hue that anybody would name. */
const namedChroma = 24

/** Of the pixels that had a colour: the share that now has the asked one. */
const colourShare = (before: Picture, after: Picture, mask: Uint8Array, hue: number): number => {
  let had = 0, has = 0
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue
    const of = ({ data }: Picture) => [data[i * 3]!, data[i * 3 + 1]!, data[i * 3 + 2]!] as const
    const span = (rgb: readonly [number, number, number]) => Math.max(...rgb) - Math.min(...rgb)
    if (span(of(before)) < namedChroma) continue
    had++
    const now = of(after)
    const away = Math.abs(((hueOf(...now) - hue + 540) % 360) - 180)
    if (span(now) >= namedChroma && away <= hueTolerance) has++
  }
  return had === 0 ? 0 : has / had
}

const inverseShare = (before: Picture, after: Picture, mask: Uint8Array): number => {
  let plain = 0, inverse = 0
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue
    const [was, is] = [luminanceAt(before, i), luminanceAt(after, i)]
    plain += Math.abs(is - was)
    inverse += Math.abs(is - (1 - was))
  }
  return plain + inverse === 0 ? 0 : clamp((plain - inverse) / Math.max(plain, inverse))
}

/** 0 = nothing of what was asked for, 1 = all of it. Both pictures have the same size. */
export const follows = (before: Picture, after: Picture, mask: Uint8Array, expected: Expectation): number => {
  if (expected.is === "colour") return colourShare(before, after, mask, expected.hue)
  if (expected.is === "inverted") return inverseShare(before, after, mask)
  const was = measure(before, mask)
  const is = measure(after, mask)
  const ratio = (now: number, then: number) => (then === 0 ? 0 : now / then - 1)
  switch (expected.is) {
    case "brighter":
      return clamp((is.luminance - was.luminance) / doneAt.luminance)
    case "darker":
      return clamp((was.luminance - is.luminance) / doneAt.luminance)
    case "warmer":
      return clamp((is.temperature - was.temperature) / doneAt.temperature)
    case "cooler":
      return clamp((was.temperature - is.temperature) / doneAt.temperature)
    case "greyer":
      return clamp(-ratio(is.chroma, was.chroma) / doneAt.greyer)
    case "more vivid":
      return clamp(ratio(is.chroma, was.chroma) / doneAt.vivid)
    case "blurred":
      return clamp(-ratio(is.detail, was.detail) / doneAt.blurred)
    case "sharper":
      return clamp(ratio(is.detail, was.detail) / doneAt.sharper)
  }
}

/** Mean absolute difference (0..255) of the pixels in the mask: how far they are from the photo that was sent. */
export const difference = (before: Picture, after: Picture, mask: Uint8Array): number => {
  let sum = 0, count = 0
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue
    for (let c = 0; c < 3; c++) sum += Math.abs(before.data[i * 3 + c]! - after.data[i * 3 + c]!)
    count += 3
  }
  return count === 0 ? 0 : sum / count
}
