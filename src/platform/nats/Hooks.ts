import { AckPolicy, DeliverPolicy, DiscardPolicy, type JsMsg, RetentionPolicy, StorageType } from "@nats-io/jetstream"
import { headers } from "@nats-io/transport-node"
import { Clock, Context, Effect, Layer, Schema, Stream } from "effect"
import { type JobEvent, JobEventJson } from "../../contract/JobEvent.ts"
import { eventsStream, hookConsumer, hookScheduleSubject, hooksStream, hookSubject } from "../../contract/subjects.ts"
import { Connection } from "./Connection.ts"
import { LogUnavailable } from "./errors.ts"

const copierConsumer = "hooks"
const ackWaitMs = 30_000
/** A stream with schedules must discard the oldest (the broker refuses "new"): at this size it is 100,000 deliveries and more. */
const hooksMaxBytes = 256 * 1024 * 1024
/** Longer than the ten tries of a delivery take (75 h 35 m). */
const hooksMaxAgeMs = 96 * 60 * 60 * 1000
/** A copy is at most this many messages ahead of its acknowledgement. */
const copyAheadMax = 64

/** One event that is due at one endpoint. `event.id` is the webhook-id of every try. */
export interface Delivery {
  readonly event: JobEvent
  /** 1 for the first try. */
  readonly tries: number
  readonly done: Effect.Effect<void, LogUnavailable>
  /** The next try after a delay: scheduled in the stream, so no process has to stay alive for it. */
  readonly later: (delayMs: number) => Effect.Effect<void, LogUnavailable>
}

const triesHeader = "Darkroom-Tries"
const attempt = <A>(operation: string, promise: () => Promise<A>) =>
  Effect.tryPromise({ try: promise, catch: (cause) => new LogUnavailable({ operation, cause }) })

/**
 * The stream HOOKS (job-log rule 19): one shared durable only copies events there, one subject an endpoint, and each
 * endpoint has a consumer of its own. Delivery happens elsewhere.
 */
export class Hooks extends Context.Service<Hooks, {
  /** Creates the stream and the shared durable; safe when several gateways do it at once. */
  readonly ensure: Effect.Effect<void, LogUnavailable>
  readonly addEndpoint: (endpoint: string) => Effect.Effect<void, LogUnavailable>
  readonly removeEndpoint: (endpoint: string) => Effect.Effect<void, LogUnavailable>
  /** Copies every event to the endpoints that want it, for ever; shared by all gateways. */
  readonly copy: (endpointsOf: (event: JobEvent) => ReadonlyArray<string>) => Effect.Effect<never, LogUnavailable>
  readonly due: (endpoint: string) => Stream.Stream<Delivery, LogUnavailable>
}>()("darkroom/platform/nats/Hooks") {
  static readonly layer = Layer.effect(
    Hooks,
    Effect.gen(function*() {
      const { js, jsm } = yield* Connection

      const ensure = attempt("create HOOKS", async () => {
        await jsm.streams.add({
          name: hooksStream,
          subjects: ["hooks.due.*", "hooks.later.*.*"],
          retention: RetentionPolicy.Workqueue,
          storage: StorageType.File,
          discard: DiscardPolicy.Old,
          max_bytes: hooksMaxBytes,
          max_age: hooksMaxAgeMs * 1_000_000,
          allow_msg_schedules: true,
          duplicate_window: 120_000_000_000
        })
        await jsm.consumers.add(eventsStream, {
          durable_name: copierConsumer,
          ack_policy: AckPolicy.Explicit,
          deliver_policy: DeliverPolicy.New,
          ack_wait: ackWaitMs * 1_000_000,
          max_ack_pending: copyAheadMax
        })
      })

      const addEndpoint = Effect.fn("Hooks.addEndpoint")((endpoint: string) =>
        attempt("create a hooks consumer", () =>
          jsm.consumers.add(hooksStream, {
            durable_name: hookConsumer(endpoint),
            filter_subject: hookSubject(endpoint),
            ack_policy: AckPolicy.Explicit,
            ack_wait: ackWaitMs * 1_000_000,
            max_deliver: -1
          })).pipe(Effect.asVoid)
      )

      const removeEndpoint = Effect.fn("Hooks.removeEndpoint")(function*(endpoint: string) {
        yield* attempt("delete a hooks consumer", () => jsm.consumers.delete(hooksStream, hookConsumer(endpoint)))
        for (const filter of [hookSubject(endpoint), hookScheduleSubject(endpoint, "*").replace("_2a", "*")]) {
          yield* attempt("purge an endpoint's deliveries", () => jsm.streams.purge(hooksStream, { filter }))
        }
      })

      /** A copy that was made before a crash is made again with the same message id, and the broker drops it. */
      const copyOne = async (msg: JsMsg, endpointsOf: (event: JobEvent) => ReadonlyArray<string>) => {
        const event = Schema.decodeUnknownOption(JobEventJson)(msg.string())
        if (event._tag === "Some") {
          for (const endpoint of endpointsOf(event.value)) {
            await js.publish(hookSubject(endpoint), msg.data, { msgID: `${event.value.id}.${endpoint}` })
          }
        }
        msg.ack()
      }

      const copy = Effect.fn("Hooks.copy")((endpointsOf: (event: JobEvent) => ReadonlyArray<string>) =>
        messages(eventsStream, copierConsumer, copyAheadMax).pipe(
          Stream.mapEffect((msg) => attempt("copy an event to HOOKS", () => copyOne(msg, endpointsOf))),
          Stream.runDrain,
          Effect.andThen(Effect.never)
        )
      )

      const messages = (stream: string, consumer: string, ahead: number) =>
        Stream.unwrap(
          Effect.gen(function*() {
            const iterator = yield* Effect.acquireRelease(
              attempt(`consume ${consumer}`, async () => (await js.consumers.get(stream, consumer)).consume({ max_messages: ahead })),
              (iterator) => Effect.promise(() => iterator.close().then(() => undefined))
            )
            return Stream.fromAsyncIterable(iterator, (cause) => new LogUnavailable({ operation: `consume ${consumer}`, cause }))
          })
        )

      const deliveryOf = (endpoint: string, msg: JsMsg) => (event: JobEvent): Delivery => {
        const tries = Number(msg.headers?.get(triesHeader) || "1")
        return {
          event,
          tries,
          done: attempt("acknowledge a delivery", () => msg.ackAck()).pipe(Effect.asVoid),
          later: Effect.fnUntraced(function*(delayMs: number) {
            const at = new Date((yield* Clock.currentTimeMillis) + delayMs)
            yield* attempt("schedule a delivery", async () => {
              const next = headers()
              next.set(triesHeader, String(tries + 1))
              await js.publish(hookScheduleSubject(endpoint, event.id), msg.data, {
                headers: next,
                schedule: { specification: at, target: hookSubject(endpoint) }
              })
              await msg.ackAck()
            })
          })
        }
      }

      const due = (endpoint: string) =>
        messages(hooksStream, hookConsumer(endpoint), 1).pipe(
          Stream.mapEffect((msg) => Schema.decodeUnknownEffect(JobEventJson)(msg.string()).pipe(Effect.map(deliveryOf(endpoint, msg)))),
          Stream.mapError((cause) => cause instanceof LogUnavailable ? cause : new LogUnavailable({ operation: "read a delivery", cause }))
        )

      return Hooks.of({ ensure, addEndpoint, removeEndpoint, copy, due })
    })
  )
}
