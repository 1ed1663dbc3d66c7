import { roundHalfEven } from "../../images/roundHalfEven.ts"

export interface Size {
  readonly width: number
  readonly height: number
}

const multiple = 32

/** About `area` pixels of the same ratio, sides in multiples of 32. A side of an extreme ratio may come out as 0. */
export const calculateDimensions = (area: number, ratio: number): Size => {
  const width = Math.sqrt(area * ratio)
  const height = width / ratio
  return { width: roundHalfEven(width / multiple) * multiple, height: roundHalfEven(height / multiple) * multiple }
}

const ratioOf = ({ height, width }: Size): number => width / height

/** The size at which a picture is edited, or at which the language model sees it. */
export const sizeFor = (image: Size, area: number): Size => calculateDimensions(area, ratioOf(image))

/** What comes out has the ratio of the last picture, and whole packed latents. */
export const outputSize = (images: ReadonlyArray<Size>, area: number, vaeScale: number): Size => {
  const { height, width } = sizeFor(images.at(-1)!, area)
  const packed = vaeScale * 2
  return { width: Math.floor(width / packed) * packed, height: Math.floor(height / packed) * packed }
}

/** Beyond it the language model's processor refuses a picture. */
const ratioMax = 200

/** Why a picture cannot be edited, in words; undefined when it can. */
export const sizeProblem = (image: Size, areas: { readonly condition: number; readonly vae: number }): string | undefined => {
  const sides = Object.values(areas).flatMap((area) => Object.values(sizeFor(image, area)))
  const extreme = Math.max(ratioOf(image), 1 / ratioOf(image)) > ratioMax
  return extreme || sides.includes(0) ? `${image.width}x${image.height} is too long and narrow to be edited; crop it.` : undefined
}
