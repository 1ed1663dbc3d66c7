import { assert, describe, it } from "@effect/vitest"
import { makePace } from "./pace.ts"

describe("tokens a run", () => {
  const after = (tokens: number, ms: number) => {
    const pace = makePace()
    pace.took(tokens, ms)
    return pace.tokens()
  }
  it("begin with one, so that the first word comes soon", () => assert.strictEqual(makePace().tokens(), 1))
  it("are as many as fit in 400 ms", () => {
    assert.strictEqual(after(8, 80), 40)
    assert.strictEqual(after(8, 320), 10)
  })
  it("are at least four and at most 64 after the first", () => {
    assert.strictEqual(after(1, 60_000), 4)
    assert.strictEqual(after(8, 0), 64)
  })
})
