import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulate } from "./simulate.ts"

const first = Number(process.env["SIMULATION_SEED"] ?? 1)
const count = Number(process.env["SIMULATION_SEEDS"] ?? 20)

/**
 * `SIMULATION_SEEDS` lives of a pool from `SIMULATION_SEED` on, those of one half: two files share them, so that two
 * processors do.
 */
export const liveSeeds = (half: 0 | 1): void => {
  const seeds = Array.from({ length: count }, (_, index) => first + index).filter((seed) => seed % 2 === half)
  describe("operator, simulated", () => {
    it.effect.each(seeds)("seed %i", (seed) => Effect.asVoid(Effect.scoped(simulate(seed))), 120_000)
  })
}
