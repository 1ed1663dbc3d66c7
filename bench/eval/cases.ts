import type { Expectation } from "./score.ts"

/** The edits that are scored: a photo, a sentence, what must happen to which part of it. */
export interface Case {
  /** Of scripts/train-starter/photos; held out from the starter's training. */
  readonly photo: "astronaut" | "coffee" | "flower"
  readonly sentence: string
  /** A part that heldout_polygons.json outlines, the rest of the photo, or all of it. */
  readonly region: "all" | "subject" | "background" | "orange"
  readonly expected: Expectation
}

const blue = { is: "colour", hue: 225 } as const
const green = { is: "colour", hue: 125 } as const
const purple = { is: "colour", hue: 285 } as const

export const cases: ReadonlyArray<Case> = [
  { photo: "astronaut", sentence: "make the orange suit blue", region: "orange", expected: blue },
  { photo: "astronaut", sentence: "change her suit from orange to green", region: "orange", expected: green },
  { photo: "astronaut", sentence: "blur the background", region: "background", expected: { is: "blurred" } },
  { photo: "astronaut", sentence: "make the background black and white", region: "background", expected: { is: "greyer" } },
  { photo: "astronaut", sentence: "make it brighter", region: "all", expected: { is: "brighter" } },
  { photo: "astronaut", sentence: "give it a cooler, bluish mood", region: "all", expected: { is: "cooler" } },
  { photo: "coffee", sentence: "turn this into a black and white photo", region: "all", expected: { is: "greyer" } },
  { photo: "coffee", sentence: "make it darker", region: "all", expected: { is: "darker" } },
  { photo: "coffee", sentence: "warm up the colours", region: "all", expected: { is: "warmer" } },
  { photo: "coffee", sentence: "darken everything but the cup", region: "background", expected: { is: "darker" } },
  { photo: "coffee", sentence: "sharpen the picture", region: "all", expected: { is: "sharper" } },
  { photo: "flower", sentence: "paint the flower purple", region: "orange", expected: purple },
  { photo: "flower", sentence: "make the flower blue", region: "orange", expected: blue },
  { photo: "flower", sentence: "blur everything behind the flower", region: "background", expected: { is: "blurred" } },
  { photo: "flower", sentence: "make the colours pop", region: "all", expected: { is: "more vivid" } },
  { photo: "flower", sentence: "invert the colours", region: "all", expected: { is: "inverted" } }
]
