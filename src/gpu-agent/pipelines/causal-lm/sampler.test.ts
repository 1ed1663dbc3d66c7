import { assert, describe, it } from "@effect/vitest"
import { nucleusOf, sample, samplingOf } from "./sampler.ts"

const logits = (...odds: ReadonlyArray<number>) => Float32Array.from(odds, Math.log)
const kept = (values: Float32Array, temperature: number, top_p: number) => {
  const { ids, odds, sum } = nucleusOf(values, samplingOf({ temperature, top_p }))
  return Object.fromEntries(ids.map((id, i) => [id, Number((odds[i]! / sum).toFixed(4))]))
}
const even = logits(0.1, 0.4, 0.2, 0.3)

describe("the nucleus", () => {
  it("is all tokens at top_p 1, with softmax's probabilities", () => assert.deepStrictEqual(kept(even, 1, 1), { 0: 0.1, 1: 0.4, 2: 0.2, 3: 0.3 }))
  it("is the likeliest tokens until they have top_p together, the one that passes it included", () => {
    assert.deepStrictEqual(kept(even, 1, 0.69), { 1: 0.5714, 3: 0.4286 })
    assert.deepStrictEqual(kept(even, 1, 0.71), { 1: 0.4444, 3: 0.3333, 2: 0.2222 })
    assert.deepStrictEqual(kept(even, 1, 0.39), { 1: 1 })
  })
  it("is chosen after the temperature: what is even at 2 is steep at 0.5", () => {
    assert.deepStrictEqual(kept(even, 0.5, 1), { 0: 0.0333, 1: 0.5333, 2: 0.1333, 3: 0.3 })
    assert.deepStrictEqual(Object.keys(kept(even, 0.5, 0.8)), ["1", "3"])
    assert.deepStrictEqual(Object.keys(kept(even, 2, 0.8)), ["1", "2", "3"])
  })
  it("is the likeliest token alone at temperature 0 and with the smallest top_p, of equals the first", () => {
    assert.deepStrictEqual(kept(even, 0, 0.95), { 1: 1 })
    assert.deepStrictEqual(kept(even, 2, 1e-9), { 1: 1 })
    assert.deepStrictEqual(kept(logits(0.25, 0.25, 0.25, 0.25), 0, 1), { 0: 1 })
  })
  it("bears logits that are far apart or impossible", () => {
    assert.deepStrictEqual(kept(Float32Array.of(1e4, 0, -1e4, Number.NEGATIVE_INFINITY), 0.1, 0.95), { 0: 1 })
  })
})

describe("a drawn token", () => {
  it("is the one on whose share the number falls, likeliest first", () => {
    const at = (uniform: number) => sample(even, samplingOf({ temperature: 1, top_p: 1 }), uniform)
    assert.deepStrictEqual([0, 0.39, 0.41, 0.69, 0.71, 0.89, 0.91, 1 - 2 ** -32].map(at), [1, 1, 3, 3, 2, 2, 0, 0])
  })
  it("has the documented defaults", () => assert.deepStrictEqual(samplingOf({}), { temperature: 0.7, topP: 0.95 }))
})
