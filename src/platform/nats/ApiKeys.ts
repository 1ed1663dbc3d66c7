import { JetStreamApiError, type JsMsg } from "@nats-io/jetstream"
import { headers, type MsgHdrs } from "@nats-io/transport-node"
import { Clock, Context, Effect, Latch, Layer, Option, Redacted, Schedule, Schema, Stream } from "effect"
import { ApiKeyRecord, type Scope } from "../../contract/ApiKey.ts"
import { Connection } from "./Connection.ts"
import { LogUnavailable } from "./errors.ts"
import { generateKey, hashesEqual, idOf, keyProblem, sha256Of } from "./keyFormat.ts"
import { failureOf, request } from "./natsErrors.ts"
import { orderedFeed } from "./orderedFeed.ts"
import { keysStream, keySubject, keySubjects } from "./streams.ts"

/** How long a look-up waits for the keys to be read for the first time. */
const loadTimeoutMs = 5_000

/** A key that cannot be one: too short, or mistyped. The message says how to make a right one. */
export class InvalidApiKey extends Schema.TaggedError<InvalidApiKey>()("InvalidApiKey", { problem: Schema.String }) {
  override get message(): string {
    return this.problem
  }
}

/** API keys in the bucket KEYS: stored hashed, looked up by id, compared in constant time, watched so that changes need no restart. */
export class ApiKeys extends Context.Service<ApiKeys, {
  readonly verify: (key: string) => Effect.Effect<ApiKeyRecord | undefined, LogUnavailable>
  /** Shows the key once: `dkr_<base62><6 base62 of CRC-32>`. */
  readonly create: (options: {
    readonly name: string
    readonly scopes: ReadonlyArray<Scope>
    readonly expiresAt?: string
  }) => Effect.Effect<{ readonly key: Redacted.Redacted<string>; readonly record: ApiKeyRecord }, LogUnavailable>
  /** Stores a key chosen by the operator of the system (environment); the same key twice is one record. */
  readonly adopt: (
    key: Redacted.Redacted<string>,
    name: string,
    scopes: ReadonlyArray<Scope>
  ) => Effect.Effect<ApiKeyRecord, InvalidApiKey | LogUnavailable>
  readonly list: Effect.Effect<ReadonlyArray<ApiKeyRecord>, LogUnavailable>
  readonly revoke: (id: string) => Effect.Effect<void, LogUnavailable>
}>()("darkroom/platform/nats/ApiKeys") {
  static readonly layer: Layer.Layer<ApiKeys, never, Connection> = Layer.effect(ApiKeys, Effect.suspend(() => make))
}

const RecordJson = Schema.fromJsonString(ApiKeyRecord)
const decodeRecord = Schema.decodeUnknownOption(RecordJson)

/** A record, or its removal, at a sequence of the bucket. */
interface Entry {
  readonly sequence: number
  readonly record: ApiKeyRecord | undefined
}

const idPattern = /^[0-9a-f]{16}$/

/** A removal is a message with a mark, as key-value buckets write it. A record that cannot be read opens nothing. */
const entryOf = (sequence: number, marks: MsgHdrs | undefined, body: string): Entry => ({
  sequence,
  record: marks?.get("KV-Operation") ? undefined : Option.getOrUndefined(decodeRecord(body))
})

const idOfSubject = (subject: string): string => subject.slice(keySubject("").length)

const make = Effect.gen(function*() {
  const connection = yield* Connection
  const { js, jsm } = connection
  const entries = new Map<string, Entry>()
  const loaded = yield* Latch.make(false)

  /** The newest word wins: the feed may lag behind what this process wrote itself. */
  const take = (id: string, entry: Entry) => {
    if ((entries.get(id)?.sequence ?? 0) < entry.sequence) entries.set(id, entry)
  }
  const takeMessage = (msg: JsMsg) => take(idOfSubject(msg.subject), entryOf(msg.seq, msg.headers, msg.string()))

  /** Follows the bucket for ever; a bucket that is made anew is read anew. */
  const follow = Effect.gen(function*() {
    const info = yield* request("read the keys", () => jsm.streams.info(keysStream))
    entries.clear()
    if (info.state.messages === 0) yield* loaded.open
    yield* orderedFeed(keysStream, keySubjects, 1).pipe(
      Stream.tap((msg) => Effect.sync(() => takeMessage(msg))),
      Stream.tap((msg) => (msg.info.pending === 0 ? loaded.open : Effect.void)),
      Stream.runDrain,
      Effect.provideService(Connection, connection)
    )
  }).pipe(Effect.retry(Schedule.spaced("500 millis")))
  yield* Effect.forkScoped(follow)

  const whenLoaded = loaded.await.pipe(
    Effect.timeoutOrElse({
      duration: loadTimeoutMs,
      orElse: () => new LogUnavailable({ operation: "read the keys", cause: new Error(`${keysStream} did not answer in ${loadTimeoutMs} ms`) })
    })
  )

  const verify = Effect.fn("ApiKeys.verify")(function*(key: string) {
    if (keyProblem(key) !== undefined) return undefined
    yield* whenLoaded
    const sha256 = sha256Of(key)
    const record = entries.get(idOf(sha256))?.record
    if (record === undefined || !hashesEqual(record.sha256, sha256)) return undefined
    const now = yield* Clock.currentTimeMillis
    return record.expires_at !== null && Date.parse(record.expires_at) <= now ? undefined : record
  })

  /** As the bucket's leader has it; sequence 0 when the id was never used. */
  const current = Effect.fnUntraced(function*(id: string) {
    if (!idPattern.test(id)) return { sequence: 0, record: undefined } satisfies Entry
    const msg = yield* request("read a key", () => jsm.streams.getMessage(keysStream, { last_by_subj: keySubject(id) }))
    if (msg === null) return { sequence: 0, record: undefined } satisfies Entry
    return entryOf(msg.seq, msg.header, msg.string())
  })

  /** Writes unless the id is taken; then gives what is there. */
  const store = Effect.fnUntraced(function*(record: ApiKeyRecord) {
    const found = yield* current(record.id)
    if (found.record !== undefined) return found.record
    const body = yield* Schema.encodeEffect(RecordJson)(record).pipe(Effect.orDie)
    const ack = yield* request("write a key", () =>
      js.publish(keySubject(record.id), body, { expect: { lastSubjectSequence: found.sequence } }))
    take(record.id, { sequence: ack.seq, record })
    return record
  }, Effect.retry({ while: (error) => error.cause instanceof JetStreamApiError && failureOf(error.cause) === "conflict", times: 3 }))

  const recordOf = (key: string, name: string, scopes: ReadonlyArray<Scope>, expiresAt: string | null) =>
    Effect.map(Clock.currentTimeMillis, (now): ApiKeyRecord => {
      const sha256 = sha256Of(key)
      return { id: idOf(sha256), name, sha256, scopes, created_at: new Date(now).toISOString(), expires_at: expiresAt }
    })

  const create = Effect.fn("ApiKeys.create")(function*(
    options: { readonly name: string; readonly scopes: ReadonlyArray<Scope>; readonly expiresAt?: string }
  ) {
    const key = yield* Effect.sync(generateKey)
    const record = yield* store(yield* recordOf(key, options.name, options.scopes, options.expiresAt ?? null))
    return { key: Redacted.make(key), record }
  })

  const adopt = Effect.fn("ApiKeys.adopt")(function*(key: Redacted.Redacted<string>, name: string, scopes: ReadonlyArray<Scope>) {
    const problem = keyProblem(Redacted.value(key))
    if (problem !== undefined) return yield* new InvalidApiKey({ problem: `${name}: ${problem}` })
    return yield* store(yield* recordOf(Redacted.value(key), name, scopes, null))
  })

  const list = Effect.map(whenLoaded, () =>
    [...entries.values()].flatMap(({ record }) => (record === undefined ? [] : [record])).sort((a, b) =>
      a.created_at < b.created_at ? -1 : 1
    ))

  const revoke = Effect.fn("ApiKeys.revoke")(function*(id: string) {
    if ((yield* current(id)).record === undefined) return
    const mark = headers()
    mark.set("KV-Operation", "DEL")
    const ack = yield* request("revoke a key", () => js.publish(keySubject(id), "", { headers: mark }))
    take(id, { sequence: ack.seq, record: undefined })
  })

  return ApiKeys.of({ verify, create, adopt, list, revoke })
})
