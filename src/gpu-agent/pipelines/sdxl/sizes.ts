import type { Size } from "./conditioning.ts"
import type { SdxlSettings } from "./settings.ts"

/** How large a picture is drawn and given back. Pure. */

export interface PictureSize {
  readonly drawn: Size
  readonly given: Size
  readonly warnings: ReadonlyArray<string>
}

const text = ({ height, width }: Size): string => `${width}x${height}`

const floorTo = (value: number, multiple: number): number => Math.max(multiple, Math.floor(value / multiple) * multiple)

const areaOf = ({ height, width }: Size): number => width * height

/**
 * Sides are cut down to the multiple that the VAE needs. What is larger than the pictures that the model was trained on
 * would show its subject twice: it is drawn at their area in the same ratio, and enlarged.
 */
export const pictureSize = (asked: Size, { native_area, size_multiple }: SdxlSettings): PictureSize => {
  const given = { width: floorTo(asked.width, size_multiple), height: floorTo(asked.height, size_multiple) }
  const rounded = given.width === asked.width && given.height === asked.height
    ? []
    : [`The picture is ${text(given)} instead of ${text(asked)}: sides are multiples of ${size_multiple}.`]
  if (areaOf(given) <= native_area) return { drawn: given, given, warnings: rounded }
  const scale = Math.sqrt(native_area / areaOf(given))
  // A side of the least length leaves less for the other than the ratio asks.
  const fit = (side: number, other: number) => floorTo(Math.min(side * scale, native_area / Math.max(other * scale, size_multiple)), size_multiple)
  const drawn = { width: fit(given.width, given.height), height: fit(given.height, given.width) }
  return { drawn, given, warnings: [...rounded, `Drawn at ${text(drawn)}, which is what the model was trained for, and enlarged to ${text(given)}.`] }
}
