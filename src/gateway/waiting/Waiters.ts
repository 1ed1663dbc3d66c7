import { Context, Deferred, Effect, Layer, Option } from "effect"
import { isEnded, type JobRecord } from "../../contract/Job.ts"
import { JobLog, type JobView } from "../../platform/nats/JobLog.ts"
import { Projection } from "../projection/Projection.ts"
import { Shutdown } from "../Shutdown.ts"
import { FeedHub } from "./FeedHub.ts"

export type WaitOutcome =
  | { readonly _tag: "Ended"; readonly record: JobRecord }
  | { readonly _tag: "TimedOut" }
  | { readonly _tag: "ShuttingDown" }

/** The feed tells of an end at once; the leader is asked too, in case the feed is broken. */
const rereadIntervalMs = 5_000

/** Waiting for a job to end. */
export class Waiters extends Context.Service<Waiters, {
  /** Until the job, as seen in `view` or later, has ended; at most `waitMs`. */
  readonly awaitEnd: (view: JobView, waitMs: number) => Effect.Effect<WaitOutcome>
}>()("darkroom/gateway/Waiters") {
  static readonly layer = Layer.effect(Waiters, Effect.suspend(() => make))
}

const ended = (record: JobRecord): WaitOutcome => ({ _tag: "Ended", record })

const make = Effect.gen(function*() {
  const hub = yield* FeedHub
  const log = yield* JobLog
  const projection = yield* Projection
  const shutdown = yield* Shutdown

  const endedAtLeader = Effect.fnUntraced(function*(jobId: string) {
    const view = yield* log.read(jobId).pipe(Effect.catchTag("LogUnavailable", () => Effect.undefined))
    return view !== undefined && isEnded(view.record.state) ? Option.some(ended(view.record)) : Option.none<WaitOutcome>()
  })

  const endedBySlowPoll = (jobId: string): Effect.Effect<WaitOutcome> =>
    endedAtLeader(jobId).pipe(
      Effect.delay(rereadIntervalMs),
      Effect.flatMap(Effect.fromOption),
      Effect.eventually
    )

  const awaitEnd = Effect.fn("Waiters.awaitEnd")(function*(view: JobView, waitMs: number) {
    if (isEnded(view.record.state)) return ended(view.record)
    const jobId = view.record.job_id
    const since = view.last.sequence
    const told = yield* Deferred.make<WaitOutcome>()
    yield* hub.listen(jobId, ({ event, sequence }) => {
      if (sequence >= since && isEnded(event.data.state)) Deferred.doneUnsafe(told, Effect.succeed(ended(event.data)))
    })
    const row = yield* projection.find(jobId)
    if (row !== undefined && row.sequence >= since && isEnded(row.record.state)) return ended(row.record)
    const shuttingDown = Effect.as(shutdown.graceOver, { _tag: "ShuttingDown" } as const)
    return yield* Effect.raceAllFirst([Deferred.await(told), endedBySlowPoll(jobId), shuttingDown]).pipe(
      Effect.timeoutOrElse({
        duration: waitMs,
        orElse: () => Effect.map(endedAtLeader(jobId), Option.getOrElse((): WaitOutcome => ({ _tag: "TimedOut" })))
      })
    )
  }, Effect.scoped)

  return Waiters.of({ awaitEnd })
})
