import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ApiKeys } from "../platform/nats/ApiKeys.ts"
import { Capacity } from "../platform/nats/Capacity.ts"
import { makeApp } from "./app.ts"
import type { Metrics } from "./metrics/Metrics.ts"
import { PoolRegistry } from "./pools/PoolRegistry.ts"
import { Readiness } from "./Readiness.ts"
import { FeedHub } from "./waiting/FeedHub.ts"

/** What the log says next: how far behind, that it does not answer, or nothing at all. */
interface Broker {
  lag: number | undefined | "hangs"
}

const readinessOf = (broker: Broker) =>
  Readiness.layer.pipe(Layer.provide([
    Layer.mock(FeedHub)({ lag: Effect.suspend(() => (broker.lag === "hangs" ? Effect.never : Effect.succeed(broker.lag))) }),
    Layer.mock(ApiKeys)({ list: Effect.succeed([]) }),
    Layer.mock(Capacity)({ warnings: Effect.succeed(["no fsync"]) }),
    Layer.mock(PoolRegistry)({ isKnown: Effect.succeed(true) })
  ]))

const findings = Readiness.use((readiness) => readiness.findings)
const jobLog = Effect.map(findings, ({ checks }) => checks.job_log)

describe("readiness", () => {
  it.effect("is what is so when it is asked", () => {
    const broker: Broker = { lag: 3 }
    return Effect.gen(function*() {
      const first = yield* findings
      assert.deepStrictEqual(first.warnings, ["no fsync"])
      assert.deepStrictEqual([first.checks.job_log.ok, first.checks.api_keys.ok, first.checks.pools.ok], [true, false, true])
      broker.lag = 1_001
      assert.deepStrictEqual(yield* jobLog, { ok: false, detail: "1001 events behind" })
      broker.lag = undefined
      assert.include((yield* jobLog).detail, "does not answer")
      broker.lag = 0
      assert.isTrue((yield* jobLog).ok)
    }).pipe(Effect.provide(readinessOf(broker)))
  })

  it.effect("does not wait for a broker that keeps it waiting", () => {
    const broker: Broker = { lag: "hangs" }
    return Effect.gen(function*() {
      const asked = yield* Effect.forkChild(jobLog)
      yield* TestClock.adjust("2 seconds")
      assert.include((yield* Fiber.join(asked)).detail, "does not answer")
    }).pipe(Effect.provide(readinessOf(broker)))
  })
})

describe("liveness", () => {
  it("is answered before anything else is done: no counting, no services", async () => {
    const untouched = new Proxy({}, { get: (_, name) => assert.fail(`it used ${String(name)}`) })
    const app = makeApp({ run: () => assert.fail("it ran an effect"), metrics: untouched as Metrics["Service"], corsOrigins: ["https://app.example"] })
    const response = await app.request("/livez")
    assert.strictEqual(response.status, 200)
    assert.deepStrictEqual(await response.json(), { status: "ok" })
  })
})
