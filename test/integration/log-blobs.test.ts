import { assert, describe, it, layer } from "@effect/vitest"
import { Objm } from "@nats-io/obj"
import { Effect } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { blobBucket, inputBlobName, outputBlobName } from "../../src/contract/subjects.ts"
import { blobMaxBytes, Blobs } from "../../src/platform/blobs/Blobs.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { blobsStream } from "../../src/platform/nats/streams.ts"
import { live, logServices, program } from "./logServices.ts"

const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")
const objectInfo = (name: string) =>
  Connection.use(({ js }) =>
    Effect.promise(async () => ({ ...(await (await new Objm(js).open(blobBucket)).info(name))! })))
const messageCount = Connection.use(({ jsm }) =>
  Effect.map(Effect.promise(() => jsm.streams.info(blobsStream)), (info) => info.state.messages))
const lastSequence = Connection.use(({ jsm }) =>
  Effect.map(Effect.promise(() => jsm.streams.info(blobsStream)), (info) => info.state.last_seq))

layer(logServices(), live)("rule 8: blobs", (it) => {
  it.effect("are listed also when there are none", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* (yield* Blobs).list, [])
    }))

  it.effect("come back byte for byte, whatever their size, and name their size and age", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      for (const size of [0, 1, 1024 * 1024 - 1024, 1024 * 1024, 10 * 1024 * 1024 + 1]) {
        const bytes = randomBytes(size)
        const name = inputBlobName(crypto.randomUUID(), sha256Of(bytes))
        yield* blobs.put(name, bytes, sha256Of(bytes))
        assert.isTrue(bytes.equals(yield* blobs.get(name)))
        const listed = (yield* blobs.list).find((blob) => blob.name === name)
        assert.strictEqual(listed?.bytes, size)
        assert.isBelow(Math.abs(Date.now() - (listed?.modifiedAt.getTime() ?? 0)), 60_000)
      }
    }))

  it.effect("are never overwritten: the same picture under the same name is left as it is", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const bytes = randomBytes(3_000_000)
      const name = outputBlobName("job-1", 1, sha256Of(bytes))
      yield* blobs.put(name, bytes, sha256Of(bytes))
      const [before, messages] = [yield* objectInfo(name), yield* messageCount]
      yield* blobs.put(name, bytes, sha256Of(bytes))
      assert.deepStrictEqual(yield* objectInfo(name), before)
      assert.strictEqual(yield* messageCount, messages)
    }))

  it.effect("have the layout of the NATS object store, for any other client of it", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const bytes = randomBytes(2_300_000)
      const name = inputBlobName("job-x", sha256Of(bytes))
      yield* blobs.put(name, bytes, sha256Of(bytes))
      const { js } = yield* Connection
      const store = yield* Effect.promise(() => new Objm(js).open(blobBucket))
      assert.isTrue(bytes.equals((yield* Effect.promise(() => store.getBlob(name)))!))
      const fieldsOf = (name: string) =>
        Effect.promise(async () => {
          const { bucket, chunks, deleted, digest, name: found, size } = (await store.info(name))!
          return { bucket, chunks, deleted, digest, size, sameName: found === name }
        })
      yield* Effect.promise(() => store.putBlob({ name: "theirs", options: { max_chunk_size: 1_000_000 } }, bytes))
      assert.deepStrictEqual(yield* fieldsOf(name), yield* fieldsOf("theirs"))
      yield* Effect.promise(() => store.delete(name))
      assert.isUndefined((yield* blobs.list).find((blob) => blob.name === name))
    }))

  it.effect("may be written again once they were removed", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const bytes = randomBytes(1000)
      const name = inputBlobName("again", sha256Of(bytes))
      yield* blobs.put(name, bytes, sha256Of(bytes))
      yield* blobs.remove(name)
      yield* blobs.put(name, bytes, sha256Of(bytes))
      assert.isTrue(bytes.equals(yield* blobs.get(name)))
    }))

  it.effect("of two jobs or two attempts are separate, so that removing one leaves the other", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const bytes = randomBytes(1000)
      const names = [
        inputBlobName("job-a", sha256Of(bytes)),
        inputBlobName("job-b", sha256Of(bytes)),
        outputBlobName("job-a", 1, sha256Of(bytes)),
        outputBlobName("job-a", 2, sha256Of(bytes))
      ]
      for (const name of names) yield* blobs.put(name, bytes, sha256Of(bytes))
      yield* blobs.remove(names[0]!)
      yield* blobs.remove(names[0]!)
      assert.strictEqual((yield* Effect.flip(blobs.get(names[0]!)))._tag, "BlobMissing")
      for (const name of names.slice(1)) assert.strictEqual((yield* blobs.get(name)).byteLength, 1000)
    }))

  it.effect("a damaged chunk is an error and never a picture", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const { js, jsm } = yield* Connection
      const bytes = randomBytes(2_500_000)
      const name = inputBlobName("damaged", sha256Of(bytes))
      yield* blobs.put(name, bytes, sha256Of(bytes))
      // The last chunk is replaced by another of the same length.
      const last = (yield* lastSequence) - 1
      yield* Effect.promise(async () => {
        const chunk = await jsm.streams.getMessage(blobsStream, { seq: last })
        await jsm.streams.deleteMessage(blobsStream, last)
        await js.publish(chunk!.subject, randomBytes(chunk!.data.byteLength))
      })
      const error = yield* Effect.flip(blobs.get(name))
      assert.strictEqual(error._tag, "BlobsUnavailable")
      assert.include(String((error as { cause: unknown }).cause), "its chunks are not what its entry says")
    }))

  it.effect("whose bytes are gone are an error, not a wait for ever", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const { jsm } = yield* Connection
      const bytes = randomBytes(1000)
      const name = inputBlobName("hollow", sha256Of(bytes))
      yield* blobs.put(name, bytes, sha256Of(bytes))
      const chunk = (yield* lastSequence) - 1
      yield* Effect.promise(() => jsm.streams.deleteMessage(blobsStream, chunk))
      const error = yield* Effect.flip(blobs.get(name))
      assert.include(String((error as { cause: unknown }).cause), "its chunks are not what its entry says")
    }))

  it.effect("whose bytes are gone are written again by who puts the same picture", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const { jsm } = yield* Connection
      const bytes = randomBytes(1000)
      const name = inputBlobName("hollow-again", sha256Of(bytes))
      yield* blobs.put(name, bytes, sha256Of(bytes))
      const chunk = (yield* lastSequence) - 1
      yield* Effect.promise(() => jsm.streams.deleteMessage(blobsStream, chunk))
      yield* blobs.put(name, bytes, sha256Of(bytes))
      assert.isTrue(bytes.equals(yield* blobs.get(name)))
    }))

  it.effect("are read from the leader when a replica does not have them yet", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const { jsm } = yield* Connection
      const bytes = randomBytes(2_500_000)
      const name = inputBlobName("late", sha256Of(bytes))
      yield* blobs.put(name, bytes, sha256Of(bytes))
      // A replica that is behind answers that there is no such message.
      const { getMessage } = jsm.direct
      yield* Effect.acquireRelease(
        Effect.sync(() => void (jsm.direct.getMessage = () => Promise.resolve(null))),
        () => Effect.sync(() => void (jsm.direct.getMessage = getMessage))
      )
      assert.isTrue(bytes.equals(yield* blobs.get(name)))
    }))

  it.effect("that never existed are missing; one that is too large is refused before a byte is sent", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      assert.deepInclude(yield* Effect.flip(blobs.get("no/such/blob")), { _tag: "BlobMissing", name: "no/such/blob" })
      const exit = yield* Effect.exit(blobs.put("large", new Uint8Array(blobMaxBytes + 1), "00"))
      assert.strictEqual(exit._tag, "Failure")
      assert.strictEqual((yield* Effect.flip(blobs.get("large")))._tag, "BlobMissing")
      const misnamed = yield* Effect.exit(blobs.put("misnamed", randomBytes(9), sha256Of(randomBytes(9))))
      assert.strictEqual(misnamed._tag, "Failure")
    }))

  it.effect("have a URL only when the store has a public address", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Blobs).publicUrl("job/1/ab"), "")
      const url = yield* Blobs.use((blobs) => Effect.succeed(blobs.publicUrl("job/1/ab"))).pipe(
        Effect.provide(program("public", { BLOBS_PUBLIC_BASE_URL: "https://images.example/" }))
      )
      assert.strictEqual(url, "https://images.example/job/1/ab")
    }))
})

describe("a user without the right to answer flow control", () => {
  it.live("reads a large blob all the same: nothing is pushed to it", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const bytes = randomBytes(30_000_000)
      yield* blobs.put("large", bytes, sha256Of(bytes))
      assert.isTrue(bytes.equals(yield* blobs.get("large")))
    }).pipe(
      Effect.provide(
        logServices(
          { NATS_USER: "u", NATS_PASSWORD: "p" },
          { config: 'authorization { users: [{ user: u, password: p, permissions: { publish: { deny: ["$JS.FC.>"] } } }] }' }
        )
      )
    ))
})
