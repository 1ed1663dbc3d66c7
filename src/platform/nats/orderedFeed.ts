import { type ConsumerMessages, DeliverPolicy, type JsMsg, type StreamInfo } from "@nats-io/jetstream"
import { Array as Arr, Effect, Schedule, Stream } from "effect"
import { Connection } from "./Connection.ts"
import { LogUnavailable, StreamReplaced } from "./errors.ts"
import { request } from "./natsErrors.ts"

/** Messages asked for at once, so also the most that wait in this process. */
const aheadMessages = 1_000
const batchMessages = 256
/** Two missed heartbeats end a consumer. */
const idleHeartbeatMs = 2_000
/** A consumer that cannot be made within this time is tried again: the broker may have come back meanwhile. */
const openTimeoutMs = 2_000

/** What a consumer says when it can no longer be trusted to continue without a gap. */
const brokenBy = new Set([
  "heartbeats_missed",
  "consumer_deleted",
  "consumer_not_found",
  "stream_not_found",
  "no_responders",
  "reset",
  "ordered_consumer_recreated",
  "exceeded_limits"
])

const sinceBroken = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("2 seconds")]).pipe(Schedule.jittered)

interface Life {
  /** Creation time of the stream when the feed began. */
  created: string | undefined
  /** Last sequence handed on. */
  cursor: number
}

const isReplaced = (error: LogUnavailable): boolean => error.cause instanceof StreamReplaced

/** The same life of the stream, and nothing handed on that it does not have. */
const sameLife = (life: Life, info: StreamInfo): boolean =>
  (life.created === undefined || life.created === info.created) && info.state.last_seq >= life.cursor

/** Ends the iterator at the first doubt; the next consumer continues behind the cursor. */
const stopWhenBroken = async (messages: ConsumerMessages): Promise<void> => {
  for await (const status of messages.status()) {
    if (brokenBy.has(status.type)) messages.stop(new Error(status.type))
  }
}

const stalled = (stream: string) => () =>
  new LogUnavailable({ operation: `feed of ${stream}`, cause: new Error(`no answer in ${openTimeoutMs} ms`) })

const open = (stream: string, filter: string, life: Life) =>
  Effect.gen(function*() {
    const { js, jsm } = yield* Connection
    const messages = yield* Effect.acquireRelease(
      request(`feed of ${stream}`, async () => {
        const consumer = await js.consumers.get(stream, {
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: life.cursor + 1,
          filter_subjects: filter,
          inactive_threshold: 60_000
        })
        const messages = await consumer.consume({ max_messages: aheadMessages, idle_heartbeat: idleHeartbeatMs, expires: 10_000 })
        void stopWhenBroken(messages)
        return messages
      }).pipe(Effect.timeoutOrElse({ duration: openTimeoutMs, orElse: stalled(stream) })),
      // Not `close()`: it waits for a reader, and there may be none yet.
      (messages) => Effect.sync(() => messages.stop())
    )
    // Read after the consumer was made: a stream that is replaced later takes this consumer with it.
    const info = yield* request(`feed of ${stream}`, () => jsm.streams.info(stream)).pipe(
      Effect.timeoutOrElse({ duration: openTimeoutMs, orElse: stalled(stream) })
    )
    if (!sameLife(life, info)) {
      return yield* new LogUnavailable({ operation: `feed of ${stream}`, cause: new StreamReplaced({ stream }) })
    }
    life.created = info.created
    return messages
  })

/** Messages as they have already arrived, together: one step of the stream for many of them. */
async function* batches(messages: ConsumerMessages): AsyncGenerator<Arr.NonEmptyReadonlyArray<JsMsg>> {
  let batch: Array<JsMsg> = []
  for await (const msg of messages) {
    batch.push(msg)
    if (batch.length < batchMessages && messages.getPending() > 0) continue
    if (Arr.isReadonlyArrayNonEmpty(batch)) yield batch
    batch = []
  }
}

const once = (stream: string, filter: string, life: Life) =>
  Stream.unwrap(
    Effect.map(open(stream, filter, life), (messages) =>
      Stream.fromAsyncIterable(batches(messages), (cause) => new LogUnavailable({ operation: `feed of ${stream}`, cause })))
  ).pipe(
    Stream.flattenArray,
    Stream.filter((msg) => {
      const isNew = msg.seq > life.cursor
      if (isNew) life.cursor = msg.seq
      return isNew
    })
  )

/**
 * Messages of a stream from a sequence on, in order, without gaps or repeats, for ever. A consumer that is lost
 * (broker away, heartbeats missed) is made again behind the last message. Fails only when the stream itself was
 * re-created or restored (cause: `StreamReplaced`).
 */
export const orderedFeed = (stream: string, filter: string, fromSequence: number): Stream.Stream<JsMsg, LogUnavailable, Connection> =>
  Stream.suspend(() => {
    const life: Life = { created: undefined, cursor: Math.max(0, fromSequence - 1) }
    return Stream.suspend(() => once(stream, filter, life)).pipe(
      Stream.concat(Stream.fail(new LogUnavailable({ operation: `feed of ${stream}`, cause: new Error("ended") }))),
      Stream.retry(sinceBroken.pipe(Schedule.while(({ input }) => !isReplaced(input as LogUnavailable))))
    )
  })
