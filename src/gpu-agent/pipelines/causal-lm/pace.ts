/** How many tokens one run makes: few enough that the text flows and a cancelled job stops, many enough that runs are cheap. */

const runMs = 400
const tokensMax = 64
const tokensFirst = 8

export interface Pace {
  readonly tokens: () => number
  readonly took: (tokens: number, ms: number) => void
}

export const makePace = (): Pace => {
  let tokens = tokensFirst
  return {
    tokens: () => tokens,
    took: (made, ms) => {
      tokens = Math.max(1, Math.min(tokensMax, Math.round((runMs * made) / Math.max(ms, 1))))
    }
  }
}
