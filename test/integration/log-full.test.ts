import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { eventsStream } from "../../src/contract/subjects.ts"
import { Blobs } from "../../src/platform/blobs/Blobs.ts"
import { Capacity, fullAtShare } from "../../src/platform/nats/Capacity.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { blobsStream } from "../../src/platform/nats/streams.ts"
import { cancelCommand, eventually, live, logServices, startCommand, submit } from "./logServices.ts"

const eventsMaxBytes = 200_000
const blobsMaxBytes = 3_000_000

const usedShare = (stream: string, limit: number) =>
  Connection.use(({ jsm }) =>
    Effect.map(Effect.promise(() => jsm.streams.info(stream)), (info) => info.state.bytes / limit))

const putRandom = (bytes: number) =>
  Effect.gen(function*() {
    const content = randomBytes(bytes)
    const sha256 = createHash("sha256").update(content).digest("hex")
    yield* (yield* Blobs).put(`job/in/${sha256}`, content, sha256)
    return sha256
  })

layer(
  logServices({ DARKROOM_EVENTS_MAX_BYTES: eventsMaxBytes, DARKROOM_BLOBS_MAX_BYTES: blobsMaxBytes }),
  live
)("rule 6: a log that fills up", (it) => {
  it.effect("is full for new jobs at 85 %, and takes the transitions of accepted jobs until it really is", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const capacity = yield* Capacity
      assert.deepStrictEqual(yield* capacity.check, { full: undefined })
      const first = yield* submit()
      while ((yield* usedShare(eventsStream, eventsMaxBytes)) < fullAtShare) yield* submit()
      yield* eventually("the gateway hears of it within its cache time", Effect.map(capacity.check, ({ full }) => full === eventsStream))
      const started = yield* log.append(first, startCommand(first), "/agent")

      const refused = yield* Effect.flip(Effect.forever(submit()))
      assert.deepInclude(refused, { _tag: "LogFull", stream: eventsStream })
      const transition = yield* Effect.flip(Effect.forever(log.change(first.record.job_id, (view) =>
        view.record.state === "processing"
          ? { _tag: "Release", agent: "agent-1", attempt: view.record.attempt, reason: "shutdown", at: new Date().toISOString() }
          : startCommand(view), "/agent")))
      assert.strictEqual(transition._tag, "LogFull")
      // Nothing was written, and with room again the same append goes through.
      const { jsm } = yield* Connection
      yield* Effect.promise(() => jsm.streams.update(eventsStream, { max_bytes: 2 * eventsMaxBytes }))
      const view = yield* log.read(first.record.job_id)
      assert.isAtLeast(view?.last.sequence ?? 0, started.last.sequence)
      yield* log.append(view, cancelCommand, "/gateway")
    }))

  it.effect("a full bucket of images stops new jobs too, and says so instead of half an image", () =>
    Effect.gen(function*() {
      const capacity = yield* Capacity
      const blobs = yield* Blobs
      while ((yield* usedShare(blobsStream, blobsMaxBytes)) < fullAtShare) yield* putRandom(300_000)
      yield* eventually("named", Effect.map(capacity.check, ({ full }) => full === blobsStream))
      const before = (yield* blobs.list).length
      const refused = yield* Effect.flip(putRandom(2_000_000))
      assert.deepInclude(refused, { _tag: "BlobsFull", bucket: "IMAGES" })
      assert.strictEqual((yield* blobs.list).length, before)
      // The chunks of the refused one are gone again.
      assert.isBelow(yield* usedShare(blobsStream, blobsMaxBytes), 1)
      for (const { name } of yield* blobs.list) yield* blobs.remove(name)
      yield* eventually("room again", Effect.map(capacity.check, ({ full }) => full === undefined))
      yield* putRandom(2_000_000)
    }))

  it.effect("warnings name what is not as configured", () =>
    Effect.gen(function*() {
      const warnings = yield* (yield* Capacity).warnings
      assert.deepStrictEqual(warnings.filter((warning) => !warning.startsWith("EVENTS: max_bytes")), [])
    }))
})
