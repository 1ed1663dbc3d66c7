import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulate } from "./simulate.ts"

/**
 * A short life without any other trouble, once for each write of its operators: right after that write one dies. Whatever
 * it had begun, the other one finishes, and the end is the same (I8).
 */

const short = { troubles: [], chaosSteps: 60 } as const
const seed = 1
/** More than such a life has. */
const writesMax = 100

describe("operator, killed after each of its writes", () => {
  it.effect("leads to the same end", () =>
    Effect.gen(function*() {
      const { decisiveWrites: writes } = yield* Effect.scoped(simulate(seed, short))
      assert.isAbove(writes, 15)
      assert.isBelow(writes, writesMax)
      for (let write = 1; write <= writes; write++) yield* Effect.scoped(simulate(seed, { ...short, crashAfterWrite: write }))
    }), 300_000)
})
