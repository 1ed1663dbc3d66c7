import type { NatsConnection } from "@nats-io/transport-node"
import { Cause, Effect, Option, Queue, Schema, type Scope, Stream } from "effect"
import { LogUnavailable } from "./errors.ts"
import { request } from "./natsErrors.ts"

/** Messages kept for a listener that is slower than they come; then the oldest go. */
const listenBufferMessages = 1_024

type Codec<T> = Schema.Codec<T, any>

/**
 * JSON over core NATS: at most once, encoded and decoded at this edge. What cannot be read is counted and skipped,
 * because one bad sender must not end a listener.
 */
export const coreMessages = (nc: NatsConnection) => {
  let unreadable = 0

  const decoder = <T>(schema: Codec<T>) => {
    const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema))
    return (text: string): T | undefined => {
      const message = Option.getOrUndefined(decode(text))
      if (message === undefined) unreadable++
      return message
    }
  }

  const closed = (subject: string, cause: unknown) => new LogUnavailable({ operation: `listen to ${subject}`, cause })

  /** Calls back for every message that can be read, until the scope closes; ready once the broker knows the subscription. */
  const subscribe = <T>(
    subject: string,
    schema: Codec<T>,
    onMessage: (message: T, subject: string) => void,
    onError: (error: LogUnavailable) => void = () => undefined
  ): Effect.Effect<void, LogUnavailable, Scope.Scope> => {
    const decode = decoder(schema)
    return Effect.acquireRelease(
      request(`listen to ${subject}`, async () => {
        const subscription = nc.subscribe(subject, {
          callback: (error, message) => {
            if (error !== null) return onError(closed(subject, error))
            const decoded = decode(message.string())
            if (decoded !== undefined) onMessage(decoded, message.subject)
          }
        })
        void subscription.closed.then(() => onError(closed(subject, "the subscription was closed")))
        await nc.flush()
        return subscription
      }),
      (subscription) => Effect.sync(() => subscription.unsubscribe())
    ).pipe(Effect.asVoid)
  }

  return {
    unreadable: () => unreadable,
    subscribe,

    /** A message that cannot be sent now is dropped: its receivers do not depend on it. */
    publish: <T>(subject: string, schema: Codec<T>, message: T): Effect.Effect<void> =>
      Schema.encodeEffect(Schema.fromJsonString(schema))(message).pipe(
        Effect.orDie,
        Effect.flatMap((text) => Effect.try({ try: () => nc.publish(subject, text), catch: (cause) => cause })),
        Effect.catch((cause) => Effect.logDebug(`not sent to ${subject}`, cause))
      ),

    listen: <T>(subject: string, schema: Codec<T>): Stream.Stream<T, LogUnavailable> =>
      Stream.callback<T, LogUnavailable>(
        (queue) =>
          subscribe(
            subject,
            schema,
            (message) => Queue.offerUnsafe(queue, message),
            (error) => Queue.failCauseUnsafe(queue, Cause.fail(error))
          ),
        { bufferSize: listenBufferMessages, strategy: "sliding" }
      ),

    /** Answers requests one after another until the scope closes. */
    serve: <Q, A>(subject: string, query: Codec<Q>, reply: Codec<A>, answer: (query: Q) => Effect.Effect<A>) =>
      Effect.gen(function*() {
        const decode = decoder(query)
        const encode = Schema.encodeEffect(Schema.fromJsonString(reply))
        const requests = yield* Queue.sliding<readonly [Q, (text: string) => void]>(listenBufferMessages)
        yield* Effect.acquireRelease(
          request(`answer ${subject}`, async () => {
            const subscription = nc.subscribe(subject, {
              callback: (error, message) => {
                const decoded = error === null ? decode(message.string()) : undefined
                if (decoded !== undefined) Queue.offerUnsafe(requests, [decoded, (text) => void message.respond(text)])
              }
            })
            await nc.flush()
            return subscription
          }),
          (subscription) => Effect.sync(() => subscription.unsubscribe())
        )
        yield* Queue.take(requests).pipe(
          Effect.flatMap(([asked, respond]) =>
            Effect.flatMap(Effect.flatMap(answer(asked), encode), (text) =>
              Effect.try({ try: () => respond(text), catch: (cause) => cause }))
          ),
          Effect.catchCause((cause) => Effect.logWarning(`could not answer ${subject}`, cause)),
          Effect.forever,
          Effect.forkScoped
        )
      })
  }
}
