import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Fiber, Metric, Stream } from "effect"
import type { StoredEvent } from "../../src/contract/JobEvent.ts"
import { eventsStream, eventSubject } from "../../src/contract/subjects.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { type LogUnavailable, StreamReplaced } from "../../src/platform/nats/errors.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { defaultLogSettings } from "../../src/platform/nats/LogSettings.ts"
import { ensureLog } from "../../src/platform/nats/provision.ts"
import { undecodableEvents } from "../../src/platform/nats/storedEvents.ts"
import { NatsServer } from "../../src/testing/NatsServer.ts"
import { jobEvent, jobRecord } from "../../src/testing/records.ts"
import { cancelCommand, eventually, live, logServices, submit, submitCommand } from "./logServices.ts"

const route = { pool: "p", model: "m", lane: "p1s0", client: "c" }

/** Collects the feed until somebody has seen enough. */
const collect = (fromSequence: number) =>
  Effect.gen(function*() {
    const log = yield* JobLog
    const seen: Array<StoredEvent> = []
    const fiber = yield* Effect.forkChild(
      log.feed(fromSequence).pipe(Stream.runForEach((event) => Effect.sync(() => void seen.push(event))))
    )
    return { seen, fiber, sequences: () => seen.map((event) => event.sequence) }
  })

const isContiguous = (sequences: ReadonlyArray<number>, from: number) =>
  sequences.every((sequence, index) => sequence === from + index)

layer(logServices(), live)("the feed", (it) => {
  it.effect("rule 17: gives every event once and in order, from any sequence on, and what is appended later", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      for (let i = 0; i < 20; i++) yield* submit()
      const all = yield* collect(1)
      const late = yield* collect(11)
      for (let i = 0; i < 20; i++) yield* submit()
      yield* eventually("40 events", Effect.sync(() => all.seen.length >= 40 && late.seen.length >= 30))
      assert.isTrue(isContiguous(all.sequences(), 1))
      assert.isTrue(isContiguous(late.sequences(), 11))
      assert.deepInclude(yield* log.state, { firstSequence: 1, lastSequence: 40 })
      yield* Fiber.interrupt(all.fiber)
      yield* Fiber.interrupt(late.fiber)
    }))

  it.effect("records: an unknown event type passes through; a body that cannot be read is skipped and counted", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const { js } = yield* Connection
      const first = (yield* log.state).lastSequence + 1
      const before = (yield* Metric.value(undecodableEvents)).count
      const record = jobRecord({ job_id: crypto.randomUUID() })
      const subject = (event: string) => eventSubject(record.job_id, event as "queued", route)
      const unknown = { ...jobEvent("queued", record), id: "u1", type: "dev.darkroom.job.dreamt.v1" }
      yield* Effect.promise(() => js.publish(subject("queued"), JSON.stringify({ ...jobEvent("queued", record), id: "q1" })))
      yield* Effect.promise(() => js.publish(subject("dreamt"), JSON.stringify(unknown)))
      yield* Effect.promise(() => js.publish(subject("dreamt"), "not JSON"))
      const last = yield* submit()
      const { fiber, seen } = yield* collect(first)
      yield* eventually("the event behind the bad one", Effect.sync(() => seen.at(-1)?.sequence === last.last.sequence))
      assert.deepStrictEqual(seen.map((event) => event.event.type), [
        "dev.darkroom.job.queued.v1",
        "dev.darkroom.job.dreamt.v1",
        "dev.darkroom.job.queued.v1"
      ])
      assert.strictEqual((yield* Metric.value(undecodableEvents)).count, Number(before) + 1)
      // A job whose last word is of a newer kind is still known, with the sequence of its last queued event.
      const { jsm } = yield* Connection
      yield* Effect.promise(() => jsm.streams.deleteMessage(eventsStream, first + 2))
      assert.strictEqual((yield* log.read(record.job_id))?.record.job_id, record.job_id)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("rule 17: a consumer that is deleted under the feed is made again, without a gap or a repeat", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const { jsm } = yield* Connection
      const first = (yield* log.state).lastSequence + 1
      const { fiber, seen, sequences } = yield* collect(first)
      for (let round = 0; round < 3; round++) {
        yield* submit()
        yield* eventually("delivered", Effect.sync(() => seen.length === 2 * round + 1))
        yield* Effect.promise(async () => {
          for await (const consumer of jsm.consumers.list(eventsStream)) await jsm.consumers.delete(eventsStream, consumer.name)
        })
        yield* submit()
        yield* eventually("delivered again", Effect.sync(() => seen.length === 2 * round + 2))
      }
      assert.isTrue(isContiguous(sequences(), first))
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("rule 17: events purged behind a tombstone are no gap that stops the feed", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const view = yield* submit()
      yield* log.change(view.record.job_id, cancelCommand, "/test")
      const tombstone = yield* log.change(view.record.job_id, { _tag: "Delete", at: view.record.queued_at }, "/test")
      yield* log.purgeBehind(view.record.job_id, tombstone.last.sequence)
      const { fiber, seen } = yield* collect(view.last.sequence)
      yield* eventually("the tombstone", Effect.sync(() => seen.length === 1))
      assert.strictEqual(seen[0]?.sequence, tombstone.last.sequence)
      yield* Fiber.interrupt(fiber)
    }))
})

describe("a broker that dies", () => {
  it.live("kill -9 in the middle of publishing: all that was accepted is there, nothing twice, and the feed goes on", () =>
    Effect.gen(function*() {
      const server = yield* NatsServer
      const log = yield* JobLog
      const accepted: Array<string> = []
      const feed = yield* collect(1)
      const publisher = Effect.forEach(
        Array.from({ length: 150 }, () => submitCommand()),
        (command) =>
          log.append(undefined, command, "/test").pipe(
            Effect.tap(() => Effect.sync(() => void accepted.push(command.record.job_id))),
            Effect.catchTag("LogUnavailable", () => Effect.void)
          ),
        { concurrency: 8 }
      )
      const publishing = yield* Effect.forkChild(publisher)
      for (const so_many of [30, 80]) {
        yield* eventually("some accepted", Effect.sync(() => accepted.length >= so_many))
        yield* Effect.promise(() => server.kill())
        yield* Effect.promise(() => server.restart())
      }
      yield* Fiber.join(publishing)
      assert.isAtLeast(accepted.length, 100)
      const { lastSequence } = yield* log.state
      yield* eventually("the feed has caught up", Effect.sync(() => feed.seen.at(-1)?.sequence === lastSequence))
      assert.isTrue(isContiguous(feed.sequences(), 1))
      const jobs = feed.seen.map((event) => event.event.data.job_id)
      assert.strictEqual(new Set(jobs).size, jobs.length)
      assert.deepStrictEqual(accepted.filter((id) => !jobs.includes(id)), [])
      yield* Fiber.interrupt(feed.fiber)
    }).pipe(Effect.provide(logServices())), 60_000)

  it.live("requests fail at once while it is away, those in flight too, and work again when it is back", () =>
    Effect.gen(function*() {
      const server = yield* NatsServer
      const { jsm, nc } = yield* Connection
      // Nobody answers on this subject, so that only the lost connection can end the request.
      nc.subscribe("silence", { callback: () => {} })
      const inFlight = nc.request("silence", "", { timeout: 30_000 }).then(() => "answered", (error: Error) => error.name)
      yield* Effect.promise(() => nc.flush())
      yield* Effect.promise(() => server.kill())
      assert.strictEqual(yield* Effect.promise(() => inFlight), "Disconnected")
      const later = yield* Effect.flip(Effect.tryPromise(() => jsm.getAccountInfo()))
      assert.strictEqual((later.cause as Error).name, "Disconnected")
      yield* Effect.promise(() => server.restart())
      yield* eventually("answers again", Effect.map(Effect.result(Effect.tryPromise(() => jsm.getAccountInfo())), (result) => result._tag === "Success"))
    }).pipe(Effect.provide(logServices())), 60_000)

  it.live("rule 17: a log that was made anew ends the feed, because its sequences mean something else", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const { jsm } = yield* Connection
      for (let i = 0; i < 3; i++) yield* submit()
      const before = yield* log.state
      const feed = yield* collect(1)
      yield* eventually("delivered", Effect.sync(() => feed.seen.length === 3))
      yield* Effect.promise(() => jsm.streams.delete(eventsStream))
      yield* ensureLog(defaultLogSettings)
      for (let i = 0; i < 5; i++) yield* submit()
      const error = yield* Effect.flip(Fiber.join(feed.fiber)).pipe(Effect.timeout("20 seconds"))
      assert.instanceOf((error as LogUnavailable).cause, StreamReplaced)
      assert.strictEqual(feed.seen.length, 3)
      assert.notStrictEqual((yield* log.state).createdAt, before.createdAt)
    }).pipe(Effect.provide(logServices())), 60_000)
})

