import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { type Reconciled, runController } from "./Controller.ts"
import { makeWorkQueue } from "./WorkQueue.ts"

describe("Controller", () => {
  it.effect("never works on a key twice at a time, and on different keys side by side", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue()
      const gates = { a: yield* Deferred.make<void>(), b: yield* Deferred.make<void>() }
      const running = new Set<string>()
      let most = 0
      const reconcile = (key: string) =>
        Effect.gen(function*() {
          assert.isFalse(running.has(key), `${key} runs already`)
          running.add(key)
          most = Math.max(most, running.size)
          yield* Deferred.await(gates[key as "a" | "b"])
          running.delete(key)
          return undefined
        })
      const controller = yield* Effect.forkChild(runController({ name: "test", queue, concurrency: 4, reconcile }))
      for (const key of ["a", "b", "a", "b"]) {
        yield* queue.add(key)
        yield* TestClock.adjust(1)
      }
      assert.strictEqual(most, 2)
      yield* Deferred.succeed(gates.a, undefined)
      yield* Deferred.succeed(gates.b, undefined)
      yield* TestClock.adjust(1)
      assert.strictEqual(running.size, 0)
      yield* Fiber.interrupt(controller)
    }))

  it.effect("a failure and a bug are tried again and hold up nobody; success says when to look again", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue()
      const runs: Array<Reconciled> = []
      let left = { fails: 2, dies: 1 } as Record<string, number>
      const reconcile = (key: string) =>
        Effect.suspend((): Effect.Effect<number | undefined, Error> => {
          const remaining = left[key] ?? 0
          left = { ...left, [key]: remaining - 1 }
          if (remaining <= 0) return Effect.succeed(key === "regular" ? 100 : undefined)
          return key === "dies" ? Effect.die(new Error("a bug")) : Effect.fail(new Error("not now"))
        })
      const controller = yield* Effect.forkChild(
        runController({ name: "test", queue, concurrency: 1, reconcile, onReconciled: (run) => runs.push(run) })
      )
      for (const key of ["fails", "dies", "regular"]) yield* queue.add(key)
      const wait = (ms: number) => Effect.repeat(TestClock.adjust(5), { times: ms / 5 - 1 })
      yield* wait(50)
      const outcomes = (key: string) => runs.filter((run) => run.key === key).map((run) => run.outcome)
      assert.deepStrictEqual(outcomes("fails"), ["failed", "failed", "succeeded"])
      assert.deepStrictEqual(outcomes("dies"), ["failed", "succeeded"])
      assert.deepStrictEqual(outcomes("regular"), ["succeeded"])
      yield* wait(350)
      assert.strictEqual(outcomes("regular").length, 4)
      yield* Fiber.interrupt(controller)
    }))

  it.effect("an error that says when to come again is taken at its word", () =>
    Effect.gen(function*() {
      const queue = yield* makeWorkQueue()
      const starts: Array<number> = []
      const controller = yield* Effect.forkChild(runController({
        name: "test",
        queue,
        concurrency: 1,
        reconcile: () => Effect.fail({ message: "busy", afterMs: 1_000 }),
        retryAfterMs: ({ afterMs }) => afterMs,
        onReconciled: ({ startedAt }) => starts.push(startedAt)
      }))
      yield* queue.add("a")
      for (let passed = 0; passed < 2_500; passed += 100) yield* TestClock.adjust(100)
      assert.deepStrictEqual(starts, [0, 1_000, 2_000])
      yield* Fiber.interrupt(controller)
    }))
})
