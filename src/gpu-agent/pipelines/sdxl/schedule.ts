import type { SchedulerSettings } from "./settings.ts"

/** Euler's method over the noise levels of a discrete diffusion model (Karras et al. 2022, algorithm 1 without churn). */
export interface Schedule {
  /** What the UNet is told of each step. */
  readonly timesteps: ReadonlyArray<number>
  /** Noise levels: one a step, then 0. */
  readonly sigmas: ReadonlyArray<number>
  /** What pure noise is multiplied with at the first step. */
  readonly initialScale: number
}

/** Noise level of each training timestep: sqrt((1 - ᾱ) / ᾱ), ᾱ the running product of 1 - β. */
const trainingSigmas = ({ beta_end, beta_start, num_train_timesteps }: SchedulerSettings): Float64Array => {
  const sigmas = new Float64Array(num_train_timesteps)
  const from = Math.sqrt(beta_start)
  const by = (Math.sqrt(beta_end) - from) / (num_train_timesteps - 1)
  let product = 1
  for (let t = 0; t < num_train_timesteps; t++) {
    product *= 1 - (from + by * t) ** 2
    sigmas[t] = Math.sqrt((1 - product) / product)
  }
  return sigmas
}

/** `leading`: every floor(N / steps)-th timestep from the lowest on, moved up by the offset. */
export const eulerSchedule = (settings: SchedulerSettings, steps: number): Schedule => {
  const training = trainingSigmas(settings)
  const stride = Math.floor(settings.num_train_timesteps / steps)
  const timesteps = Array.from({ length: steps }, (_, i) => (steps - 1 - i) * stride + settings.steps_offset)
  const sigmas = timesteps.map((t) => training[Math.min(t, training.length - 1)]!)
  return { timesteps, sigmas: [...sigmas, 0], initialScale: Math.sqrt(sigmas[0]! ** 2 + 1) }
}

/**
 * What is left of a schedule for a picture that is given: the last trunc(steps × strength) steps. None when that is 0:
 * the picture would come back as it is.
 */
export const fromStrength = (schedule: Schedule, strength: number): Schedule | undefined => {
  const { initialScale, sigmas, timesteps } = schedule
  const left = Math.min(Math.trunc(timesteps.length * strength), timesteps.length)
  const begin = timesteps.length - left
  return left === 0 ? undefined : { timesteps: timesteps.slice(begin), sigmas: sigmas.slice(begin), initialScale }
}

/** The latents as the UNet expects them, whatever their noise level. */
export const scaledInput = (latents: Float32Array, sigma: number): Float32Array => {
  const scale = 1 / Math.sqrt(sigma * sigma + 1)
  return latents.map((value) => value * scale)
}

export const eulerStep = (latents: Float32Array, noise: Float32Array, sigma: number, next: number): Float32Array =>
  latents.map((value, i) => value + (next - sigma) * noise[i]!)

export const withNoise = (latents: Float32Array, noise: Float32Array, sigma: number): Float32Array =>
  latents.map((value, i) => value + noise[i]! * sigma)
