import type { SchedulerSettings } from "./settings.ts"

/** Flow matching with Euler steps (FlowMatchEulerDiscreteScheduler with dynamic, exponential shifting). */

/** How far noise levels are shifted, by the number of tokens of the picture that is made. */
export const shiftOf = (imageTokens: number, { base_image_tokens, base_shift, max_image_tokens, max_shift }: SchedulerSettings): number => {
  const slope = (max_shift - base_shift) / (max_image_tokens - base_image_tokens)
  return imageTokens * slope + (base_shift - slope * base_image_tokens)
}

const stretched = (sigmas: ReadonlyArray<number>, terminal: number): ReadonlyArray<number> => {
  const scale = (1 - sigmas.at(-1)!) / (1 - terminal)
  return sigmas.map((sigma) => 1 - (1 - sigma) / scale)
}

/** The noise levels from 1 down, one a step, and a 0 behind them. */
export const sigmasOf = (steps: number, imageTokens: number, settings: SchedulerSettings): Float32Array => {
  const ratio = Math.exp(shiftOf(imageTokens, settings))
  const even = Array.from({ length: steps }, (_, i) => 1 - i / steps)
  const shifted = even.map((sigma) => ratio / (ratio + (1 / sigma - 1)))
  const { shift_terminal } = settings
  return Float32Array.of(...(shift_terminal === null ? shifted : stretched(shifted, shift_terminal)), 0)
}

/** From one noise level to the next: `latents + (next - sigma) * prediction`. */
export const eulerStep = (latents: Float32Array, prediction: Float32Array, sigma: number, next: number): Float32Array => {
  const delta = Math.fround(next - sigma)
  return latents.map((value, i) => value + delta * prediction[i]!)
}
