import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { generateDecoder } from "../../src/gpu-agent/pipelines/causal-lm/decoding.ts"
import { samplingOf } from "../../src/gpu-agent/pipelines/causal-lm/sampler.ts"
import { golden, open, settings } from "../pipelines/causalLmRig.ts"
import { card } from "./card.ts"

/** A graph that makes several tokens a run, with its cache on the GPU while it does: on CUDA it writes what transformers does. */

const half = Array.from({ length: 48 }, () => 0.5)

// What a card rounds only a card can show.
describe.skipIf(card === undefined)("text on CUDA", () => {
  it.effect("is transformers' in float16, in one run and in three", () =>
    Effect.scoped(Effect.gen(function*() {
      const decoder = generateDecoder(yield* open("half", "cuda"), settings)
      let same = 0
      for (const [index, { tokens }] of golden.greedy.entries()) {
        const prompt = golden.tokens[index]!.ids
        const whole = yield* decoder.begin(samplingOf({ temperature: 0 })).next(prompt, half)
        const decoding = decoder.begin(samplingOf({ temperature: 0 }))
        const parts: Array<number> = []
        let unread: ReadonlyArray<number> = prompt
        for (const uniforms of [half.slice(0, 3), half.slice(0, 20), half.slice(0, 25)]) {
          if (settings.eos_token_ids.includes(parts.at(-1) ?? -1)) break
          const made = yield* decoding.next(unread, uniforms)
          parts.push(...made)
          unread = made.slice(-1)
        }
        assert.deepStrictEqual(whole.slice(0, 4), tokens.slice(0, 4))
        assert.deepStrictEqual(parts.slice(0, 4), tokens.slice(0, 4))
        if (whole.join() === tokens.join()) same++
      }
      // Where two tokens are nearly as likely, rounding decides, and the rest is another text.
      assert.isAtLeast(same, 8)
    })))
})
