import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { NatsServer } from "../../src/testing/NatsServer.ts"
import { agentProcess, eventsOf, live, newPool, recordOf, rig, submit, untilNoWork, untilState, untilStep } from "./agentRig.ts"

/** The broker goes away and comes back; the agent stays, and loses nothing. */

layer(rig, live)("an agent without its broker", (it) => {
  it.effect("goes on with its job, keeps the result, and writes it when the broker is back", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const server = yield* NatsServer
      const agent = yield* agentProcess(pool)
      const job = yield* submit(pool, "steps=50 ms=20 size=4x4")
      yield* untilStep(job, 3)
      yield* Effect.promise(() => server.kill())
      // Longer than the rest of the run takes: the result waits for the broker.
      yield* Effect.sleep("3 seconds")
      yield* Effect.promise(() => server.restart())
      const record = yield* untilState(job, "completed", 40)
      assert.deepInclude(record, { agent: agent.agent, attempt: 1 })
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "completed"])
      yield* untilNoWork(pool)
      const next = yield* submit(pool, "steps=1 size=4x4")
      yield* untilState(next, "completed")
      assert.strictEqual((yield* recordOf(next)).agent, agent.agent)
    }), 90_000)
})
