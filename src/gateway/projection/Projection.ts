import { Context, Deferred, Effect, Layer } from "effect"
import type { StoredEvent } from "../../contract/JobEvent.ts"
import { JobLog, type LogState } from "../../platform/nats/JobLog.ts"
import { GatewayConfig } from "../config.ts"
import type { JobRow } from "./apply.ts"
import { type Counts, type Cursor, type HistoryQuery, ProjectionError, Store } from "./Store.ts"

/** How long a reader waits for the projection to reach what it has just written or seen. */
const catchUpTimeoutMs = 1_000
const pruneBatchJobs = 1_000

/** Counts, pages and averages read from the log: disposable, a few milliseconds behind, rebuilt whenever it does not fit. */
export class Projection extends Context.Service<Projection, {
  readonly cursor: Effect.Effect<Cursor | undefined>
  /** Makes the cursor fit the log, forgetting everything when it cannot, and gives the sequence to read from. */
  readonly align: (log: LogState) => Effect.Effect<number>
  /** Drops some of the jobs whose last event has aged out of the log; to be called again and again. */
  readonly prune: (log: LogState) => Effect.Effect<void>
  readonly apply: (events: ReadonlyArray<StoredEvent>) => Effect.Effect<void>
  /** Until the event with this sequence is applied, at most a second: read-your-writes for its writer. */
  readonly reach: (sequence: number) => Effect.Effect<void>
  /** Until everything that the log holds now is applied, at most a second; at once when the broker is away. */
  readonly catchUp: Effect.Effect<void>
  readonly find: (jobId: string) => Effect.Effect<JobRow | undefined>
  readonly history: (query: HistoryQuery) => Effect.Effect<ReadonlyArray<JobRow>>
  readonly counts: (by: { readonly pool?: string | undefined; readonly client?: string | undefined }) => Effect.Effect<Counts>
  readonly completedSeconds: (pool: string, limit: number) => Effect.Effect<ReadonlyArray<number>>
  readonly unfinishedOf: (client: string, priority: number) => Effect.Effect<number>
  readonly unfinishedLike: (client: string, requestHash: string) => Effect.Effect<JobRow | undefined>
  readonly unfinished: (limit: number) => Effect.Effect<ReadonlyArray<JobRow>>
  readonly endedAfter: (sequence: number, limit: number) => Effect.Effect<ReadonlyArray<JobRow>>
  readonly ahead: (row: JobRow) => Effect.Effect<number>
}>()("darkroom/gateway/Projection") {
  static readonly layer = Layer.effect(Projection, Effect.suspend(() => make))
}

/** The cursor of another life of the stream, beyond its end, or before events that were removed meanwhile. */
export const fits = (cursor: Cursor | undefined, log: LogState): cursor is Cursor =>
  cursor !== undefined &&
  cursor.createdAt === log.createdAt &&
  cursor.sequence <= log.lastSequence &&
  cursor.sequence + 1 >= log.firstSequence

const make = Effect.gen(function*() {
  const { dataDir } = yield* GatewayConfig
  const log = yield* JobLog
  const store = yield* Effect.acquireRelease(
    Effect.try({ try: () => new Store(dataDir), catch: (cause) => new ProjectionError({ path: dataDir, cause }) }),
    (store) => Effect.sync(() => store.close())
  )
  const waiting = new Set<{ readonly sequence: number; readonly reached: Deferred.Deferred<void> }>()
  let sequence = store.cursor()?.sequence ?? 0
  // A sequence that nobody will ever deliver (its event was removed) is waited for only once.
  let givenUp = 0

  const settle = () => {
    for (const waiter of waiting) {
      if (waiter.sequence > sequence) continue
      waiting.delete(waiter)
      Deferred.doneUnsafe(waiter.reached, Effect.void)
    }
  }

  const reach = Effect.fnUntraced(function*(target: number) {
    if (target <= sequence || target <= givenUp) return
    const waiter = { sequence: target, reached: yield* Deferred.make<void>() }
    waiting.add(waiter)
    yield* Deferred.await(waiter.reached).pipe(
      Effect.timeoutOrElse({
        duration: catchUpTimeoutMs,
        orElse: () => Effect.sync(() => void (givenUp = Math.max(givenUp, target)))
      }),
      Effect.ensuring(Effect.sync(() => waiting.delete(waiter)))
    )
  })

  const align = (state: LogState) =>
    Effect.sync(() => {
      const cursor = store.cursor()
      if (!fits(cursor, state)) {
        store.reset(state.createdAt)
        givenUp = 0
      } else while (store.prune(state.firstSequence, pruneBatchJobs) === pruneBatchJobs);
      sequence = store.cursor()?.sequence ?? 0
      return sequence + 1
    })

  const prune = (state: LogState) => Effect.sync(() => void store.prune(state.firstSequence, pruneBatchJobs))

  const apply = (events: ReadonlyArray<StoredEvent>) =>
    Effect.sync(() => {
      store.apply(events)
      sequence = Math.max(sequence, events.at(-1)?.sequence ?? 0)
      settle()
    })

  const catchUp = log.state.pipe(
    Effect.flatMap((state) => reach(state.lastSequence)),
    Effect.catchTag("LogUnavailable", () => Effect.void)
  )

  return Projection.of({
    cursor: Effect.sync(() => store.cursor()),
    align,
    prune,
    apply,
    reach,
    catchUp,
    find: (jobId) => Effect.sync(() => store.find(jobId)),
    history: (query) => Effect.sync(() => store.history(query)),
    counts: (by) => Effect.sync(() => store.counts(by)),
    completedSeconds: (pool, limit) => Effect.sync(() => store.completedSeconds(pool, limit)),
    unfinishedOf: (client, priority) => Effect.sync(() => store.unfinishedOf(client, priority)),
    unfinishedLike: (client, hash) => Effect.sync(() => store.unfinishedLike(client, hash)),
    unfinished: (limit) => Effect.sync(() => store.unfinished(limit)),
    endedAfter: (after, limit) => Effect.sync(() => store.endedAfter(after, limit)),
    ahead: (row) => Effect.sync(() => store.ahead(row))
  })
})
