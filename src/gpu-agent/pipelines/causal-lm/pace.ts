/** How many tokens one run makes: few enough that the text flows and a cancelled job stops, many enough that runs are cheap. */

const runMs = 400
/** Fewer would be spent on moving the cache: a slow processor is better off with longer runs. */
const tokensMin = 4
const tokensMax = 64

export interface Pace {
  readonly tokens: () => number
  readonly took: (tokens: number, ms: number) => void
}

/** The first run, which reads the prompt, makes one token. */
export const makePace = (): Pace => {
  let tokens = 1
  return {
    tokens: () => tokens,
    took: (made, ms) => {
      tokens = Math.max(tokensMin, Math.min(tokensMax, Math.round((runMs * made) / Math.max(ms, 1))))
    }
  }
}
