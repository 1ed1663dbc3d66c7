import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { laneConsumer, workSubject } from "../../src/contract/subjects.ts"
import { workConfig } from "../../src/platform/nats/streams.ts"
import { defaultLogSettings } from "../../src/platform/nats/LogSettings.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { Lanes } from "../../src/platform/nats/Lanes.ts"
import { NatsServer } from "../../src/testing/NatsServer.ts"
import { depthOf, freshPool, inWork, laneServices, poll, pollSome } from "./laneServices.ts"
import { eventually, live, submit } from "./logServices.ts"

/** In the order written: the broker is killed, paused and robbed of a stream here. */
layer(laneServices, { ...live, timeout: "60 seconds" })("lanes while the broker is away", (it) => {
  it.effect("a message that arrives when nobody waits for it is given back at once, not after the ack wait", () =>
    Effect.gen(function*() {
      const [server, { nc }] = [yield* NatsServer, yield* Connection]
      const pool = yield* freshPool("noop")
      const view = yield* submit({ pool, priority: 0, share: 0 })
      yield* inWork(view)
      process.kill(server.pid, "SIGSTOP")
      const error = yield* Effect.flip(poll(pool)).pipe(Effect.ensuring(Effect.sync(() => process.kill(server.pid, "SIGCONT"))))
      assert.include(error.operation, laneConsumer(pool, "noop", "p0s0"))
      // Only the answer to a later request shows that the late one has come.
      yield* Effect.promise(() => nc.flush())
      const message = yield* pollSome(pool)
      assert.deepInclude(message, { job_id: view.record.job_id, deliveryCount: 2 })
      yield* message.ack
    }), 60_000)

  it.effect("rule 10: without a broker the depth is unreadable, and comes back with it", () =>
    Effect.gen(function*() {
      const server = yield* NatsServer
      const pool = yield* freshPool("noop")
      const view = yield* submit({ pool })
      yield* inWork(view)
      yield* Effect.promise(() => server.kill())
      const dead = yield* depthOf(pool)
      assert.strictEqual(dead._tag, "Unreadable")
      yield* Effect.promise(() => server.restart())
      // While the broker comes back every answer is unreadable or right, never a false zero.
      yield* eventually(
        "the depth is readable again",
        Effect.map(depthOf(pool), (depth) => {
          if (depth._tag === "Readable") assert.strictEqual(depth.depth, 1)
          return depth._tag === "Readable"
        })
      )
      const message = yield* pollSome(pool)
      assert.strictEqual(message.job_id, view.record.job_id)
      yield* message.ack
    }), 60_000)

  it.effect("rule 10: what EVENTS has and WORK has not yet counts as waiting", () =>
    Effect.gen(function*() {
      const [lanes, { jsm }] = [yield* Lanes, yield* Connection]
      const [pool, other] = [yield* freshPool("noop"), yield* freshPool("noop")]
      // A WORK that is full takes nothing, so the message stays on its way.
      const { config } = yield* Effect.promise(() => jsm.streams.info("WORK"))
      yield* Effect.promise(() => jsm.streams.update("WORK", { ...config, max_msgs: 1 }))
      const first = yield* submit({ pool })
      yield* inWork(first)
      yield* submit({ pool })
      yield* submit({ pool: other })
      yield* submit({ pool })
      assert.deepStrictEqual(yield* depthOf(pool), { _tag: "Readable", depth: 3, pending: 3, running: 0 })
      assert.deepStrictEqual(yield* depthOf(other), { _tag: "Readable", depth: 1, pending: 1, running: 0 })
      yield* Effect.promise(() => jsm.streams.update("WORK", { ...config, max_msgs: -1 }))
      yield* eventually("all are in WORK", Effect.map(lanes.depth(pool), (depth) => depth._tag === "Readable" && depth.pending === 3))
    }), 60_000)

  it.effect("rule 10: without WORK, or with one that copies from nowhere, the depth is unreadable", () =>
    Effect.gen(function*() {
      const [lanes, { jsm }] = [yield* Lanes, yield* Connection]
      const pool = yield* freshPool("noop")
      yield* Effect.promise(() => jsm.streams.delete("WORK"))
      const missing = yield* depthOf(pool)
      assert.strictEqual(missing._tag, "Unreadable")
      assert.strictEqual((yield* Effect.flip(poll(pool)))._tag, "LogUnavailable")
      assert.strictEqual((yield* Effect.flip(lanes.ensure(pool, ["noop"])))._tag, "LogUnavailable")
      assert.strictEqual((yield* Effect.flip(lanes.existing))._tag, "LogUnavailable")
      const { sources: _, ...without } = workConfig(defaultLogSettings)
      yield* Effect.promise(() =>
        jsm.streams.add({ ...without, subjects: [workSubject("*", { pool: "*", model: "*", lane: "*", client: "*" })], republish: undefined } as never)
      )
      yield* lanes.ensure(pool, ["noop"])
      const sourceless = yield* depthOf(pool)
      assert.deepInclude(sourceless, { _tag: "Unreadable" })
    }), 60_000)
})
