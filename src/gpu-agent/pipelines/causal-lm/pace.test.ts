import { assert, describe, it } from "@effect/vitest"
import { makePace } from "./pace.ts"

describe("tokens a run", () => {
  const after = (tokens: number, ms: number) => {
    const pace = makePace()
    pace.took(tokens, ms)
    return pace.tokens()
  }
  it("begin few, so that the first words come soon", () => assert.strictEqual(makePace().tokens(), 8))
  it("are as many as fit in 400 ms", () => {
    assert.strictEqual(after(8, 80), 40)
    assert.strictEqual(after(8, 3_200), 1)
  })
  it("are at least one and at most 64", () => {
    assert.strictEqual(after(1, 60_000), 1)
    assert.strictEqual(after(8, 0), 64)
  })
})
