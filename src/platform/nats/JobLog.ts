import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream"
import { Clock, Context, Effect, Layer, Option, Result, Schedule, Stream } from "effect"
import { randomUUID } from "node:crypto"
import type { StoredEvent } from "../../contract/JobEvent.ts"
import { eventsStream, eventsSubjects, jobSubjects } from "../../contract/subjects.ts"
import { type Current, type JobCommand, transition } from "../../contract/transitions.ts"
import { Connection } from "./Connection.ts"
import { type LogConflict, type LogFull, LogUnavailable, TransitionRefused } from "./errors.ts"
import { envelop, subjectOf } from "./eventEnvelope.ts"
import { failureOf, request } from "./natsErrors.ts"
import { orderedFeed } from "./orderedFeed.ts"
import { publishEvent } from "./publishEvent.ts"
import { decode, decodeOrSkip, isQueued, type RawEvent } from "./storedEvents.ts"

/** With the pauses 1.5 s: a reader would rather hear soon that the broker is away. */
const readTriesMax = 5
const changeTriesMax = 10
/** A job has about a dozen events; beyond this something writes in a loop. */
const historyEventsMax = 1_000

/** A job as the log's leader has it now. */
export interface JobView extends Current {
  readonly last: StoredEvent
}

/** Identifies one life of the stream; a cursor is only valid in the life it was taken in (job-log rule 17). */
export interface LogState {
  readonly createdAt: string
  readonly firstSequence: number
  readonly lastSequence: number
}

/** The stream EVENTS: the truth about every job. The only way to change a job is a compare-and-swap append. */
export class JobLog extends Context.Service<JobLog, {
  /** Read at the leader, never a replica; `undefined` when the log does not know the job. */
  readonly read: (jobId: string) => Effect.Effect<JobView | undefined, LogUnavailable>
  /**
   * One decision, one append, no second try: for agents, who must stop at the first conflict.
   * `view` undefined = submit (expects sequence 0). `source` becomes the CloudEvents source.
   * An ambiguous time-out is settled by reading the event back by its id.
   */
  readonly append: (
    view: JobView | undefined,
    command: JobCommand,
    source: string
  ) => Effect.Effect<JobView, LogConflict | TransitionRefused | LogFull | LogUnavailable>
  /** Read, decide, append; on a conflict read again and decide again (bounded). For gateways and sweepers. */
  readonly change: (
    jobId: string,
    command: JobCommand | ((view: JobView) => JobCommand),
    source: string
  ) => Effect.Effect<JobView, TransitionRefused | LogFull | LogUnavailable>
  /** The stored events of one job after a sequence, oldest first. */
  readonly history: (jobId: string, afterSequence: number) => Effect.Effect<ReadonlyArray<StoredEvent>, LogUnavailable>
  /**
   * Every event from a sequence on, in order, without gaps or repeats, for ever (re-made when the broker comes back).
   * Fails only when the log was re-created or restored (cause: `StreamReplaced`): compare `state`, then rebuild.
   */
  readonly feed: (fromSequence: number) => Stream.Stream<StoredEvent, LogUnavailable>
  readonly state: Effect.Effect<LogState, LogUnavailable>
  /** Removes the job's events before its tombstone; the tombstone stays and refuses late writers. */
  readonly purgeBehind: (jobId: string, sequence: number) => Effect.Effect<void, LogUnavailable>
}>()("darkroom/platform/nats/JobLog") {
  static readonly layer: Layer.Layer<JobLog, never, Connection> = Layer.effect(JobLog, Effect.suspend(() => make))
}

const rawOf = (msg: StoredMsg): RawEvent => ({
  sequence: msg.seq,
  subject: msg.subject,
  storedAt: msg.time,
  body: msg.string()
})

/** `STREAM.MSG.GET` is answered by the leader alone; direct reads may come from a replica that lags. */
const getAtLeader = (jsm: JetStreamManager, query: { readonly last_by_subj: string } | { readonly seq: number; readonly next_by_subj: string }) =>
  request("read the log", () => jsm.streams.getMessage(eventsStream, query)).pipe(
    Effect.retry({
      while: (error) => failureOf(error.cause) === "ambiguous",
      times: readTriesMax - 1,
      schedule: Schedule.exponential("100 millis")
    })
  )

const viewOf = (raw: RawEvent): Effect.Effect<JobView, LogUnavailable> => {
  const decoded = decode(raw)
  if (Result.isFailure(decoded)) {
    return Effect.fail(new LogUnavailable({ operation: `read event ${raw.sequence}`, cause: decoded.failure }))
  }
  const last = decoded.success
  const record = last.event.data
  const queuedSequence = isQueued(raw.subject) ? raw.sequence : record.queued_sequence ?? 0
  return Effect.succeed({ record, queuedSequence, last })
}

const traceparent = Effect.map(
  Effect.option(Effect.currentParentSpan),
  Option.map((span) => `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`)
)

const make = Effect.gen(function*() {
  const connection = yield* Connection
  const { jsm } = connection

  const read = Effect.fn("JobLog.read")(function*(jobId: string) {
    const msg = yield* getAtLeader(jsm, { last_by_subj: jobSubjects(jobId) })
    return msg === null ? undefined : yield* viewOf(rawOf(msg))
  })

  const history = Effect.fn("JobLog.history")(function*(jobId: string, afterSequence: number) {
    const events: Array<StoredEvent> = []
    let next = afterSequence + 1
    while (events.length < historyEventsMax) {
      const msg = yield* getAtLeader(jsm, { seq: next, next_by_subj: jobSubjects(jobId) })
      if (msg === null) return events
      next = msg.seq + 1
      const event = yield* decodeOrSkip(rawOf(msg))
      if (event !== undefined) events.push(event)
    }
    return events
  })

  const appendTo = Effect.fn("JobLog.append")(
    function*(jobId: string, view: JobView | undefined, command: JobCommand, source: string) {
      const decision = transition(view, command)
      if (Result.isFailure(decision)) return yield* new TransitionRefused({ job_id: jobId, ...decision.failure })
      const accepted = decision.success
      const at = new Date(yield* Clock.currentTimeMillis)
      const id = yield* Effect.sync(() => randomUUID())
      const event = envelop(accepted, {
        id,
        source,
        at: at.toISOString(),
        traceparent: Option.getOrUndefined(yield* traceparent),
        queuedSequence: view?.queuedSequence
      })
      const expected = view?.last.sequence ?? 0
      const sequence = yield* publishEvent({
        jobId,
        subject: subjectOf(accepted),
        event,
        expected,
        findOwn: Effect.map(history(jobId, expected), (events) => events.find((stored) => stored.event.id === id)?.sequence)
      }).pipe(Effect.provideService(Connection, connection))
      const queuedSequence = accepted.event === "queued" ? sequence : view?.queuedSequence ?? 0
      return { record: event.data, queuedSequence, last: { sequence, storedAt: at, event } } satisfies JobView
    }
  )

  const append = (view: JobView | undefined, command: JobCommand, source: string) =>
    appendTo(view?.record.job_id ?? (command._tag === "Submit" ? command.record.job_id : ""), view, command, source)

  const decideAndAppend = Effect.fnUntraced(function*(
    jobId: string,
    command: JobCommand | ((view: JobView) => JobCommand),
    source: string
  ) {
    const view = yield* read(jobId)
    if (typeof command !== "function") return yield* appendTo(jobId, view, command, source)
    if (view === undefined) {
      return yield* new TransitionRefused({ job_id: jobId, command: "change", state: "none", reason: "unknown_job" })
    }
    return yield* appendTo(jobId, view, command(view), source)
  })

  const change = Effect.fn("JobLog.change")(
    (jobId: string, command: JobCommand | ((view: JobView) => JobCommand), source: string) =>
      decideAndAppend(jobId, command, source).pipe(
        Effect.retry({
          while: (error) => error._tag === "LogConflict",
          times: changeTriesMax - 1,
          schedule: Schedule.exponential("5 millis").pipe(Schedule.jittered)
        }),
        Effect.catchTag("LogConflict", (cause) =>
          new LogUnavailable({ operation: `change job ${jobId}: lost ${changeTriesMax} races in a row`, cause }))
      )
  )

  const feed = (fromSequence: number) =>
    orderedFeed(eventsStream, eventsSubjects, fromSequence).pipe(
      Stream.map((msg): RawEvent => ({ sequence: msg.seq, subject: msg.subject, storedAt: msg.time, body: msg.string() })),
      Stream.mapArrayEffect((events) => Effect.forEach(events, decodeOrSkip)),
      Stream.filter((event) => event !== undefined),
      Stream.provideService(Connection, connection)
    )

  const state = Effect.map(request("read the state of EVENTS", () => jsm.streams.info(eventsStream)), (info): LogState => ({
    createdAt: info.created,
    firstSequence: info.state.first_seq,
    lastSequence: info.state.last_seq
  }))

  const purgeBehind = Effect.fn("JobLog.purgeBehind")((jobId: string, sequence: number) =>
    request("purge a job", () => jsm.streams.purge(eventsStream, { filter: jobSubjects(jobId), seq: sequence })).pipe(Effect.asVoid)
  )

  return JobLog.of({ read, append, change, history, feed, state, purgeBehind })
})
