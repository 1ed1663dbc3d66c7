import { assert, describe, it } from "@effect/vitest"
import { LaneMemory } from "./laneMemory.ts"

const delivery = (pending: number) => ({ consumer: "c", deliveryCount: 1, streamSequence: 3, storedAtMs: 500, pending })

describe("LaneMemory", () => {
  it("an unknown lane is not empty; one found empty is for a second", () => {
    const memory = new LaneMemory()
    assert.isFalse(memory.isEmpty(0))
    memory.foundEmpty(0, memory.wakes)
    assert.isTrue(memory.isEmpty(999))
    assert.isFalse(memory.isEmpty(1_000))
  })

  it("a wake ends that at once, also one that came while the broker's answer was on its way", () => {
    const memory = new LaneMemory()
    memory.foundEmpty(0, memory.wakes)
    memory.woken(1)
    assert.isFalse(memory.isEmpty(1))
    const atQuestion = memory.wakes
    memory.woken(2)
    memory.foundEmpty(100, atQuestion)
    assert.isFalse(memory.isEmpty(100))
  })

  it("an empty answer right after a wake proves nothing: the broker may not have counted the message yet", () => {
    const memory = new LaneMemory()
    memory.woken(100)
    memory.foundEmpty(101, memory.wakes)
    assert.isFalse(memory.isEmpty(101))
    assert.isTrue(memory.isSettling(101))
    memory.foundEmpty(350, memory.wakes)
    assert.isTrue(memory.isEmpty(350))
  })

  it("as many messages as wakes settle it; with fewer, another may be on its way", () => {
    const memory = new LaneMemory()
    memory.woken(100)
    memory.woken(101)
    memory.delivered(delivery(0), 102, memory.wakes)
    assert.isFalse(memory.isEmpty(102))
    assert.isTrue(memory.isSettling(102))
    memory.delivered(delivery(0), 103, memory.wakes)
    assert.isTrue(memory.isEmpty(103))
    assert.isFalse(memory.isSettling(103))
  })

  it("wakes whose messages others took are forgotten with the next empty answer", () => {
    const memory = new LaneMemory()
    memory.woken(100)
    memory.foundEmpty(400, memory.wakes)
    memory.woken(2_000)
    memory.delivered(delivery(0), 2_001, memory.wakes)
    assert.isTrue(memory.isEmpty(2_001))
  })

  it("the last message of a lane leaves it empty, one of several does not", () => {
    const memory = new LaneMemory()
    memory.delivered(delivery(2), 1_000, memory.wakes)
    assert.isFalse(memory.isEmpty(1_000))
    assert.strictEqual(memory.headAgeMs(1_000), 500)
    memory.delivered(delivery(0), 1_000, memory.wakes)
    assert.isTrue(memory.isEmpty(1_000))
    assert.isUndefined(memory.headAgeMs(1_000))
  })

  it("a message that wakes an empty lane is as old as the wake", () => {
    const memory = new LaneMemory()
    memory.foundEmpty(0, memory.wakes)
    memory.woken(100)
    memory.woken(300)
    assert.strictEqual(memory.headAgeMs(400), 300)
  })

  it("a head ages from when it was first seen, even if the broker's clock is ahead", () => {
    const memory = new LaneMemory()
    const head = { _tag: "Waiting", sequence: 9, storedAtMs: 1_000_000 } as const
    memory.read(head, 1_000, memory.wakes)
    memory.read(head, 3_000, memory.wakes)
    assert.strictEqual(memory.headAgeMs(5_000), 4_000)
    memory.read({ ...head, sequence: 10, storedAtMs: 4_000 }, 5_000, memory.wakes)
    assert.strictEqual(memory.headAgeMs(5_000), 1_000)
  })

  it("what may come back is polled at any delay", () => {
    const memory = new LaneMemory()
    memory.read({ _tag: "Redelivery" }, 0, memory.wakes)
    assert.strictEqual(memory.headAgeMs(0), Number.POSITIVE_INFINITY)
    assert.isFalse(memory.isEmpty(0))
  })
})
