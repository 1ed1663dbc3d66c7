import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, References } from "effect"
import { TestClock } from "effect/testing"
import { makeWorkQueue, type WorkQueue } from "./WorkQueue.ts"

/** Takes what is ready now, without waiting; leaves it running. */
const takeReady = (queue: WorkQueue) =>
  Effect.gen(function*() {
    const taken: Array<string> = []
    while ((yield* queue.waiting) > 0) taken.push(yield* queue.take)
    return taken
  })

describe("WorkQueue", () => {
  it.effect("a key is in it once, and once more when it is added while it is worked on", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue()
      yield* queue.add("a")
      yield* queue.add("a")
      assert.deepStrictEqual(yield* takeReady(queue), ["a"])
      yield* queue.add("a")
      yield* queue.add("a")
      assert.deepStrictEqual(yield* takeReady(queue), [])
      yield* queue.done("a", "succeeded")
      assert.deepStrictEqual(yield* takeReady(queue), ["a"])
      yield* queue.done("a", "succeeded")
      assert.deepStrictEqual(yield* takeReady(queue), [])
    }))

  it.effect("what somebody waits for goes first, also when it was there before as a regular look", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue()
      yield* queue.add("a", "low")
      yield* queue.add("b", "low")
      yield* queue.add("c", "high")
      yield* queue.add("b", "high")
      assert.deepStrictEqual(yield* takeReady(queue), ["b", "c", "a"])
    }))

  it.effect("take waits for the next key", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue()
      const taking = yield* Effect.forkChild(queue.take)
      yield* TestClock.adjust("1 second")
      yield* queue.add("late")
      assert.strictEqual(yield* Fiber.join(taking), "late")
    }))

  it.effect("failures are retried later and later, up to a minute; a success forgets them", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue()
      yield* queue.add("a")
      for (const waitMs of [5, 10, 20, 40]) {
        yield* queue.take
        yield* queue.done("a", "failed")
        yield* TestClock.adjust(waitMs - 1)
        assert.strictEqual(yield* queue.waiting, 0, `before ${waitMs} ms`)
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* queue.waiting, 1, `after ${waitMs} ms`)
      }
      for (let failures = 0; failures < 20; failures++) {
        yield* queue.take
        yield* queue.done("a", "failed")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* queue.waiting, 1)
      }
      yield* queue.take
      yield* queue.done("a", "succeeded")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* queue.waiting, 0)
      yield* queue.add("a")
      yield* queue.take
      yield* queue.done("a", "failed")
      yield* TestClock.adjust(5)
      assert.strictEqual(yield* queue.waiting, 1)
    }))

  it.effect("of several later looks the earliest stands, and a run clears it", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue()
      yield* queue.addAfter("a", 100)
      yield* queue.addAfter("a", 50)
      yield* queue.addAfter("a", 70)
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(yield* takeReady(queue), ["a"])
      yield* queue.done("a", "succeeded")
      yield* TestClock.adjust(1_000)
      assert.strictEqual(yield* queue.waiting, 0)
      yield* queue.addAfter("a", 100)
      yield* queue.add("a")
      yield* queue.take
      yield* queue.done("a", "succeeded")
      yield* TestClock.adjust(1_000)
      assert.strictEqual(yield* queue.waiting, 0)
    }))

  it.effect("the first of a burst runs at once, the rest together a little later", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue({ apartMs: 100 })
      yield* queue.add("a")
      assert.deepStrictEqual(yield* takeReady(queue), ["a"])
      yield* queue.add("a")
      yield* queue.done("a", "succeeded")
      yield* queue.add("a")
      yield* TestClock.adjust(99)
      assert.strictEqual(yield* queue.waiting, 0)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* takeReady(queue), ["a"])
      yield* queue.done("a", "succeeded")
      yield* TestClock.adjust(1_000)
      assert.strictEqual(yield* queue.waiting, 0)
    }))

  it.effect("rests as long when the clock is set back meanwhile", () =>
    Effect.gen(function*() {
      const base = yield* Clock.Clock
      let backMs = 0
      const wallMs = () => base.currentTimeMillisUnsafe() - backMs
      const clock = { ...base, currentTimeMillisUnsafe: wallMs, currentTimeMillis: Effect.sync(wallMs) }
      yield* Effect.gen(function*() {
        const queue = yield* makeWorkQueue({ apartMs: 100 })
        yield* queue.add("a")
        yield* queue.take
        yield* queue.done("a", "succeeded")
        backMs = 3_600_000
        yield* queue.add("a")
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* queue.waiting, 1)
      }).pipe(Effect.provideService(Clock.Clock, clock))
    }))

  it.effect("who asks to be left alone is, however urgent the key is, and gets it as soon as that is over", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue({ apartMs: 100 })
      yield* queue.add("a")
      yield* queue.take
      yield* queue.add("a")
      yield* queue.done("a", "failed", 2_000)
      yield* queue.add("a", "high")
      yield* TestClock.adjust(1_999)
      assert.strictEqual(yield* queue.waiting, 0)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* takeReady(queue), ["a"])
    }))

  it.effect("remembers nothing of a key that is done for good", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue({ apartMs: 100 })
      for (const key of ["a", "b", "again", "later"]) yield* queue.add(key)
      yield* takeReady(queue)
      yield* TestClock.adjust(50)
      yield* queue.done("a", "succeeded")
      yield* queue.done("again", "succeeded")
      yield* queue.add("again")
      yield* queue.done("later", "succeeded")
      yield* queue.addAfter("later", 1_000)
      yield* TestClock.adjust(50)
      yield* queue.done("b", "succeeded")
      assert.strictEqual(yield* queue.remembered, 2)
      assert.deepStrictEqual(yield* takeReady(queue), ["again"])
      yield* TestClock.adjust(900)
      assert.deepStrictEqual(yield* takeReady(queue), [])
      yield* queue.done("again", "succeeded")
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(yield* takeReady(queue), ["later"])
      assert.strictEqual(yield* queue.remembered, 1)
    }))

  it.effect("a key that comes at whatever moment of a take is taken", () =>
    Effect.gen(function*() {
      for (let moment = 0; moment < 12; moment++) {
        const queue = yield* makeWorkQueue()
        // Its fiber lets others go on after every step.
        const taking = yield* Effect.forkChild(Effect.provideService(queue.take, References.MaxOpsBeforeYield, 4))
        for (let step = 0; step < moment; step++) yield* Effect.yieldNow
        yield* queue.add("a")
        for (let step = 0; step < 50; step++) yield* Effect.yieldNow
        assert.isDefined(taking.pollUnsafe(), `moment ${moment}`)
        yield* Fiber.interrupt(taking)
      }
    }))

  it.effect("a later look that falls due while the key is worked on is not lost", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue()
      yield* queue.add("a")
      yield* queue.take
      yield* queue.addAfter("a", 10)
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* queue.waiting, 0)
      yield* queue.done("a", "succeeded")
      assert.strictEqual(yield* queue.waiting, 1)
    }))
})
