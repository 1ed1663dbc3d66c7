import { assert, describe, it } from "@effect/vitest"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { Hooks } from "../../src/platform/nats/Hooks.ts"
import { ConfigProvider, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { afterAll, beforeAll } from "vitest"
import { JobEventJson } from "../../src/contract/JobEvent.ts"
import { eventsStream, eventsSubjects, eventSubject } from "../../src/contract/subjects.ts"
import { type RunningNatsServer, startNatsServer } from "../../src/testing/NatsServer.ts"
import { jobEvent, jobRecord } from "../../src/testing/records.ts"

let server: RunningNatsServer
beforeAll(async () => {
  server = await startNatsServer()
})
afterAll(() => server.stop())

const layers = () =>
  Hooks.layer.pipe(
    Layer.provideMerge(Connection.layer("hooks-test")),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: server.url })))
  )

const publish = (id: string) =>
  Effect.gen(function*() {
    const { js } = yield* Connection
    const record = jobRecord({ job_id: crypto.randomUUID() })
    const subject = eventSubject(record.job_id, "queued", { pool: "p", model: "m", lane: "p1s0", client: "c" })
    const event = { ...jobEvent("queued", record), id }
    yield* Effect.promise(() => js.publish(subject, Schema.encodeUnknownSync(JobEventJson)(event), { msgID: id }))
  })

const setUp = Effect.gen(function*() {
  const { jsm } = yield* Connection
  yield* Effect.promise(() => jsm.streams.add({ name: eventsStream, subjects: [eventsSubjects] }))
  const hooks = yield* Hooks
  yield* hooks.ensure
  yield* hooks.ensure
  return hooks
})

describe("rule 19: webhooks", () => {
  it.live("are copied to one subject an endpoint, so that a slow one holds up no other; the id stays over tries", () =>
    Effect.gen(function*() {
      const hooks = yield* setUp
      for (const endpoint of ["slow", "quick"]) yield* hooks.addEndpoint(endpoint)
      const copier = yield* Effect.forkChild(hooks.copy(() => ["slow", "quick"]))
      const slow = yield* Effect.forkChild(
        hooks.due("slow").pipe(Stream.mapEffect(() => Effect.never), Stream.runDrain)
      )
      for (const id of ["e1", "e2", "e3"]) yield* publish(id)

      const quick = yield* hooks.due("quick").pipe(
        Stream.tap((delivery) => delivery.event.id === "e2" && delivery.tries === 1 ? delivery.later(1_000) : delivery.done),
        Stream.map((delivery) => `${delivery.event.id}/${delivery.tries}`),
        Stream.take(4),
        Stream.runCollect,
        Effect.timeout("20 seconds")
      )
      assert.deepStrictEqual(Array.from(quick), ["e1/1", "e2/1", "e3/1", "e2/2"])
      yield* Fiber.interrupt(slow)
      yield* Fiber.interrupt(copier)
    }).pipe(Effect.scoped, Effect.provide(layers())), 40_000)

  it.live("an event copied twice (two gateways, or one after a crash) is delivered once", () =>
    Effect.gen(function*() {
      const hooks = yield* Hooks
      const { js, jsm } = yield* Connection
      yield* hooks.addEndpoint("twice")
      const copier = yield* Effect.forkChild(hooks.copy(() => ["twice"]))
      yield* publish("e9")
      const first = yield* hooks.due("twice").pipe(Stream.tap((d) => d.done), Stream.take(1), Stream.runCollect)
      assert.strictEqual(Array.from(first)[0]?.event.id, "e9")
      const again = yield* Effect.promise(() => js.publish("hooks.due.twice", "{}", { msgID: "e9.twice" }))
      assert.isTrue(again.duplicate)
      const info = yield* Effect.promise(() => jsm.consumers.info("HOOKS", "due=twice"))
      assert.strictEqual(info.num_pending, 0)
      yield* Fiber.interrupt(copier)
    }).pipe(Effect.scoped, Effect.provide(layers())), 40_000)
})
