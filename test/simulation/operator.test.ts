import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulate } from "./simulate.ts"

/**
 * Lives of a pool, each by a seed, with everything that can go wrong and then all well again. `SIMULATION_SEEDS` lives are
 * tried, from `SIMULATION_SEED` on; a failure names its seed.
 */

const first = Number(process.env["SIMULATION_SEED"] ?? 1)
const count = Number(process.env["SIMULATION_SEEDS"] ?? 20)

describe("operator, simulated", () => {
  for (let seed = first; seed < first + count; seed++) {
    it.effect(`seed ${seed}`, () => Effect.scoped(simulate(seed)), 120_000)
  }
})
