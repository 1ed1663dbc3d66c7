import type { JobParameters } from "../../../contract/Job.ts"
import { defaults } from "./settings.ts"

/** How the next token is drawn: temperature, then top-p, then softmax, as transformers does it. */
export interface Sampling {
  /** Above 0. */
  readonly temperature: number
  readonly topP: number
}

/** Leaves the likeliest token alone, whatever the temperature. */
const greedy: Sampling = { temperature: 1, topP: 1e-9 }

export const samplingOf = ({ temperature = defaults.temperature, top_p = defaults.top_p }: JobParameters): Sampling =>
  temperature === 0 ? greedy : { temperature, topP: top_p }

export interface Nucleus {
  /** Likeliest first; of equals the one with the lower id. */
  readonly ids: ReadonlyArray<number>
  /** Not divided by their sum. */
  readonly odds: Float64Array
  readonly sum: number
}

/** The likeliest tokens whose predecessors have less than top-p together: at least one. */
export const nucleusOf = (logits: Float32Array, { temperature, topP }: Sampling): Nucleus => {
  let top = Number.NEGATIVE_INFINITY
  for (const logit of logits) if (logit > top) top = logit
  const odds = Float64Array.from(logits, (logit) => Math.exp((logit - top) / temperature))
  const all = odds.reduce((sum, one) => sum + one, 0)
  // All tokens that are rarer than this have less than 1 - top-p together, so that none of them is in the nucleus.
  const least = topP < 1 ? (all * (1 - topP)) / odds.length : 0
  const candidates = Array.from(odds.keys()).filter((id) => odds[id]! >= least)
  candidates.sort((a, b) => odds[b]! - odds[a]! || a - b)
  let size = 0
  let sum = 0
  while (size < candidates.length && (size === 0 || sum < topP * all)) sum += odds[candidates[size++]!]!
  const ids = candidates.slice(0, size)
  return { ids, odds: Float64Array.from(ids, (id) => odds[id]!), sum }
}

/** The token on which `uniform`, a number in [0, 1), falls. */
export const sample = (logits: Float32Array, sampling: Sampling, uniform: number): number => {
  const { ids, odds, sum } = nucleusOf(logits, sampling)
  const mark = uniform * sum
  let passed = 0
  for (let i = 0; i < ids.length; i++) {
    passed += odds[i]!
    if (passed > mark) return ids[i]!
  }
  return ids[ids.length - 1]!
}
