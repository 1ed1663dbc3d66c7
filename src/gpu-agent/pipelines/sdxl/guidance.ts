/** At or below it the prompt alone decides, and one forward a step is enough. */
const guidanceOff = 1

export const isGuided = (cfg: number): boolean => cfg > guidanceOff

/** Classifier-free guidance: away from the negative prompt's prediction, `cfg` times as far as the prompt's. */
export const guided = (negative: Float32Array, positive: Float32Array, cfg: number): Float32Array =>
  negative.map((value, i) => value + cfg * (positive[i]! - value))
