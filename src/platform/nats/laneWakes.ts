import type { NatsConnection, Subscription } from "@nats-io/transport-node"
import { Cause, Effect, Queue, Stream } from "effect"
import { decodeToken, wakeSubject } from "../../contract/subjects.ts"
import { LogUnavailable } from "./errors.ts"

/** Which lane got a message that can be pulled now. */
export interface Wake {
  readonly model: string
  readonly lane: string
}

/** Wakes kept for a slow listener; then the oldest go, which costs it nothing but a poll it would have made. */
const wakeBufferMessages = 256

interface Listener {
  readonly wake: (wake: Wake) => void
  readonly fail: (error: LogUnavailable) => void
}

/** One subscription a pool, shared by what is remembered of lanes (told first) and by those who wait for work. */
export const makeWakes = Effect.fnUntraced(function*(
  nc: NatsConnection,
  remember: (pool: string, wake: Wake) => void
) {
  const pools = new Map<string, { readonly subscription: Subscription; readonly listeners: Set<Listener> }>()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => pools.forEach(({ subscription }) => subscription.unsubscribe()))
  )

  const subscribe = (pool: string): Set<Listener> => {
    const known = pools.get(pool)
    if (known !== undefined && !known.subscription.isClosed()) return known.listeners
    const listeners = new Set<Listener>()
    const failAll = (cause: unknown) => {
      const error = new LogUnavailable({ operation: `listen for wakes of the pool ${pool}`, cause })
      for (const listener of listeners) listener.fail(error)
    }
    const subscription = nc.subscribe(wakeSubject(pool), {
      callback: (error, message) => {
        if (error !== null) return failAll(error)
        const [, , model, lane] = message.subject.split(".").map(decodeToken)
        if (model === undefined || lane === undefined) return
        remember(pool, { model, lane })
        for (const listener of listeners) listener.wake({ model, lane })
      }
    })
    void subscription.closed.then(() => failAll("the subscription was closed"))
    pools.set(pool, { subscription, listeners })
    return listeners
  }

  /** Subscribes at most once; a broken connection is told. */
  const listen = (pool: string) =>
    Effect.try({
      try: () => subscribe(pool),
      catch: (cause) => new LogUnavailable({ operation: `listen for wakes of the pool ${pool}`, cause })
    })

  const wakes = (pool: string): Stream.Stream<Wake, LogUnavailable> =>
    Stream.callback<Wake, LogUnavailable>(
      (queue) =>
        Effect.acquireRelease(
          Effect.map(listen(pool), (listeners) => {
            const listener: Listener = {
              wake: (wake) => Queue.offerUnsafe(queue, wake),
              fail: (error) => Queue.failCauseUnsafe(queue, Cause.fail(error))
            }
            listeners.add(listener)
            return { listeners, listener }
          }),
          ({ listener, listeners }) => Effect.sync(() => listeners.delete(listener))
        ),
      { bufferSize: wakeBufferMessages, strategy: "sliding" }
    )

  return { listen, wakes }
})
