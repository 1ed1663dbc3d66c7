import { assert, describe, it } from "@effect/vitest"
import { depthOf, isFull, type Source, sourceActiveWithinMs, sourceProblem, unownedOf } from "./workDepth.ts"

const source = (overrides: Partial<Source> = {}): Source => ({ name: "EVENTS", lag: 0, active: 1_000_000, ...overrides })
const lanes = [{ num_pending: 2, num_ack_pending: 1 }, { num_pending: 0, num_ack_pending: 3 }]

describe("rule 10: depth", () => {
  it("is what waits and what runs", () => {
    assert.deepStrictEqual(depthOf(0, lanes), { _tag: "Readable", depth: 6, pending: 2, running: 4 })
  })

  it("what is on its way into WORK counts as waiting", () => {
    assert.deepStrictEqual(depthOf(5, lanes), { _tag: "Readable", depth: 11, pending: 7, running: 4 })
  })

  it("without a living source nothing is known, not even zero", () => {
    assert.isUndefined(sourceProblem([source()]))
    const silent = (sourceActiveWithinMs + 1) * 1_000_000
    for (const sources of [[], [source({ name: "OTHER" })], [source({ active: -1 })], [source({ active: silent })], [
      source({ error: { code: 503, description: "gone" } })
    ]]) {
      assert.isString(sourceProblem(sources), JSON.stringify(sources))
    }
  })

  it("a WORK that takes no more is told by its limits, where it has any", () => {
    const work = (max_bytes: number, max_msgs: number) => ({ config: { max_bytes, max_msgs }, state: { bytes: 950, messages: 5 } })
    assert.isFalse(isFull(work(-1, -1)))
    assert.isFalse(isFull(work(1_001, 6)))
    assert.isTrue(isFull(work(1_000, -1)))
    assert.isTrue(isFull(work(-1, 5)))
  })
})

describe("rule 12: messages without a consumer", () => {
  it("are those that no lane counts", () => {
    assert.strictEqual(unownedOf(6, lanes), 0)
    assert.strictEqual(unownedOf(9, lanes), 3)
    assert.strictEqual(unownedOf(4, lanes), 0)
  })
})
