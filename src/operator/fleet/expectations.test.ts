import { assert, describe, it } from "@effect/vitest"
import { Expectations, expectationTimeoutMs } from "./expectations.ts"

const pod = (name: string, terminating = false) => ({ name, uid: `uid of ${name}`, terminating })

describe("Expectations", () => {
  it("a creation is waited for until the cache has the pod", () => {
    const expected = new Expectations()
    assert.isTrue(expected.isEmpty)
    expected.expectCreated("a", 0)
    expected.expectCreated("b", 0)
    assert.isFalse(expected.isEmpty)
    assert.strictEqual(expected.unseen([], 1), 2)
    assert.strictEqual(expected.unseen([pod("a")], 2), 1)
    assert.strictEqual(expected.unseen([pod("a"), pod("b")], 3), 0)
  })

  it("a deletion is waited for until the pod is gone or on its way", () => {
    const expected = new Expectations()
    for (const name of ["a", "b", "c"]) expected.expectDeleted(`uid of ${name}`, 0)
    assert.isFalse(expected.isEmpty)
    assert.strictEqual(expected.unseen([pod("a"), pod("b"), pod("c")], 1), 3)
    assert.strictEqual(expected.unseen([pod("a"), pod("b", true)], 2), 1)
    assert.strictEqual(expected.unseen([], 3), 0)
  })

  it("what came and went between two looks was seen as it passed", () => {
    const expected = new Expectations()
    expected.expectCreated("a", 0)
    expected.seen({ name: "a", uid: "u" }, false)
    assert.strictEqual(expected.unseen([], 1), 0)
  })

  it("a write that failed, or that nothing was heard of for long, is waited for no longer", () => {
    const expected = new Expectations()
    expected.expectCreated("a", 0)
    expected.forget("a")
    assert.strictEqual(expected.unseen([], 1), 0)
    expected.expectCreated("b", 0)
    expected.expectDeleted("uid of c", 0)
    assert.strictEqual(expected.unseen([pod("c")], expectationTimeoutMs - 1), 2)
    assert.strictEqual(expected.unseen([pod("c")], expectationTimeoutMs), 0)
  })
})
