import { assert, describe, it } from "@effect/vitest"
import { makeRoom } from "./evictions.ts"

const gb = 1_000_000_000
const model = (name: string, memoryGb: number) => ({ name, memoryBytes: memoryGb * gb })
const evicted = (residents: ReadonlyArray<ReturnType<typeof model>>, wanted: ReturnType<typeof model>, budgetGb: number) => {
  const room = makeRoom(residents, wanted, budgetGb * gb)
  return room._tag === "Room" ? room.evict : room._tag
}

const edit = model("edit", 46)
const picture = model("picture", 12)
const text = model("text", 20)

describe("room in memory", () => {
  it("is there while all fit, to the byte", () => {
    assert.deepStrictEqual(evicted([], edit, 46), [])
    assert.deepStrictEqual(evicted([edit, picture], text, 80), [])
    assert.deepStrictEqual(evicted([edit, picture], text, 78), [])
  })
  it("is made by the least recently used", () => {
    assert.deepStrictEqual(evicted([edit, picture], text, 77), ["edit"])
    assert.deepStrictEqual(evicted([picture, edit], text, 77), ["picture"])
    assert.deepStrictEqual(evicted([model("a", 1), model("b", 1), model("c", 1)], model("d", 2), 3), ["a", "b"])
  })
  it("is left to what still fits, although it was used earlier", () =>
    assert.deepStrictEqual(evicted([picture, edit], model("other", 40), 80), ["edit"]))
  it("cannot be made for a model that is larger than the memory", () => {
    assert.strictEqual(evicted([], edit, 45), "TooLarge")
    assert.strictEqual(evicted([picture], edit, 45), "TooLarge")
  })
})
