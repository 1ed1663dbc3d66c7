import { Context, Effect, Layer, Schedule, type Scope, Stream } from "effect"
import type { StoredEvent } from "../../contract/JobEvent.ts"
import { JobLog } from "../../platform/nats/JobLog.ts"
import { Projection } from "../projection/Projection.ts"
import { JobListeners } from "./JobListeners.ts"

type Listener = (event: StoredEvent) => void

/** How often the feed's stream is compared with the one the cursor belongs to. */
const checkIntervalMs = 5_000
const retryDelayMs = 500

/**
 * One ordered reading of the log a gateway: every event goes into the projection first, then to those who wait for its
 * job. A listener that subscribes and then looks into the projection misses nothing.
 */
export class FeedHub extends Context.Service<FeedHub, {
  /** Calls the listener for each new event of the job until the scope closes. */
  readonly listen: (jobId: string, listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  /** Live subscriptions: 0 when nobody waits. */
  readonly listeners: Effect.Effect<number>
  /** Events of the log not applied yet; `undefined` while the log cannot be read. */
  readonly lag: Effect.Effect<number | undefined>
}>()("darkroom/gateway/FeedHub") {
  static readonly layer = Layer.effect(FeedHub, Effect.suspend(() => make))
}

const make = Effect.gen(function*() {
  const log = yield* JobLog
  const projection = yield* Projection
  const listeners = new JobListeners<StoredEvent>()

  const dispatch = (events: ReadonlyArray<StoredEvent>) => {
    for (const event of events) listeners.tell(event.event.data.job_id, event)
  }

  /** Forgets what the log has forgotten. Ends when the stream under the feed is another one than the cursor's, so that the feed starts over. */
  const untilReplaced = Effect.gen(function*() {
    // The cursor first: read after the state, it may rightly be ahead of it.
    const cursor = yield* projection.cursor
    const state = yield* log.state
    const replaced = cursor === undefined || cursor.createdAt !== state.createdAt || cursor.sequence > state.lastSequence
    if (!replaced) yield* projection.prune(state)
    return replaced
  }).pipe(
    Effect.catchTag("LogUnavailable", () => Effect.succeed(false)),
    // Not at once: the feed is still making the cursor fit.
    Effect.delay(checkIntervalMs),
    Effect.repeat({ until: (replaced) => replaced })
  )

  const follow = Effect.gen(function*() {
    const from = yield* projection.align(yield* log.state)
    yield* Stream.runForEachArray(log.feed(from), (events) =>
      projection.apply(events).pipe(Effect.andThen(Effect.sync(() => dispatch(events)))))
  })

  yield* Effect.raceFirst(follow, untilReplaced).pipe(
    Effect.tapCause((cause) => Effect.logWarning("The reading of the job log was interrupted and starts again.", cause)),
    Effect.catchCause(() => Effect.void),
    Effect.repeat(Schedule.spaced(retryDelayMs)),
    Effect.forkScoped
  )

  const lag = Effect.gen(function*() {
    const state = yield* log.state
    const cursor = yield* projection.cursor
    return cursor === undefined ? state.lastSequence : Math.max(0, state.lastSequence - cursor.sequence)
  }).pipe(Effect.catchTag("LogUnavailable", () => Effect.undefined))

  return FeedHub.of({
    listen: (jobId, listener) => listeners.listen(jobId, listener),
    listeners: Effect.sync(() => listeners.count),
    lag
  })
})
