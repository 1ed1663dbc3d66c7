import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node"
import { Effect } from "effect"
import { workStream } from "../../contract/subjects.ts"
import { type Delivery, parseAckSubject } from "./ackSubject.ts"
import { LogUnavailable } from "./errors.ts"
import { request } from "./natsErrors.ts"

/** The broker answers a pull without waiting; longer than this it is away. */
const pullTimeoutMs = 2_000
const pullRequest = JSON.stringify({ batch: 1, no_wait: true })

export type Pulled =
  | { readonly _tag: "Message"; readonly message: Msg; readonly delivery: Delivery }
  | { readonly _tag: "Empty" }
  /** Nobody answers for the consumer: it does not exist, or has no leader now. */
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Refused"; readonly reason: string }
  | { readonly _tag: "Late" }

interface Waiter {
  readonly token: string
  readonly resume: (pulled: Pulled) => void
}

const statusOf = (message: Msg): Pulled | undefined => {
  const code = message.headers?.code ?? 0
  const description = message.headers?.description ?? ""
  if (code === 404 || code === 408) return { _tag: "Empty" }
  if (code === 503 || (code === 409 && /consumer deleted/i.test(description))) return { _tag: "Missing" }
  return code >= 400 ? { _tag: "Refused", reason: `${code} ${description}` } : undefined
}

/**
 * Pulls of one message without waiting. The client library cannot: its request mux loses the message, because a
 * delivered message keeps the stream's subject. So all pulls share one inbox: a status is told by the inbox token that
 * is its subject, a message by the consumer in its reply subject. One pull a consumer at a time; the caller sees to it.
 */
export const makePull = Effect.fnUntraced(function*(nc: NatsConnection) {
  const prefix = (nc as unknown as { readonly options?: { readonly inboxPrefix?: string } }).options?.inboxPrefix
  const inbox = createInbox(prefix)
  const waiting = new Map<string, Waiter>()
  let pulls = 0

  const finish = (consumer: string, pulled: Pulled) => {
    const waiter = waiting.get(consumer)
    waiting.delete(consumer)
    waiter?.resume(pulled)
  }

  const onMessage = (message: Msg) => {
    if (message.subject.startsWith(`${inbox}.`)) {
      const status = statusOf(message)
      const token = message.subject.slice(inbox.length + 1)
      for (const [consumer, waiter] of waiting) if (waiter.token === token && status !== undefined) finish(consumer, status)
      return
    }
    const delivery = parseAckSubject(message.reply ?? "")
    if (delivery === undefined) return
    if (waiting.has(delivery.consumer)) return finish(delivery.consumer, { _tag: "Message", message, delivery })
    // Nobody waits any more: give it back, or it would lie until the ack wait is over.
    message.respond("-NAK")
  }

  yield* Effect.acquireRelease(
    request("listen for pulled messages", async () => {
      const subscription = nc.subscribe(`${inbox}.*`, {
        callback: (error, message) => {
          if (error === null) onMessage(message)
        }
      })
      await nc.flush()
      return subscription
    }),
    (subscription) => Effect.sync(() => subscription.unsubscribe())
  )

  const pull = (consumer: string): Effect.Effect<Pulled, LogUnavailable> =>
    Effect.callback<Pulled, LogUnavailable>((resume) => {
      const token = String(++pulls)
      // oxlint-disable-next-line no-restricted-globals -- real time of the broker, also where a test moves the clock
      const timer = setTimeout(() => finish(consumer, { _tag: "Late" }), pullTimeoutMs)
      waiting.set(consumer, {
        token,
        resume: (pulled) => {
          clearTimeout(timer)
          resume(Effect.succeed(pulled))
        }
      })
      try {
        nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${workStream}.${consumer}`, pullRequest, { reply: `${inbox}.${token}` })
      } catch (cause) {
        clearTimeout(timer)
        waiting.delete(consumer)
        resume(Effect.fail(new LogUnavailable({ operation: `pull from ${consumer}`, cause })))
      }
    })
  // A pull that was sent is waited for: interrupted, its message would lie until the ack wait is over.
  return (consumer: string) => Effect.uninterruptible(pull(consumer))
})
