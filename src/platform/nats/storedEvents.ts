import { Effect, Metric, Result, Schema } from "effect"
import { JobEventJson, type StoredEvent } from "../../contract/JobEvent.ts"
import { parseEventSubject } from "../../contract/subjects.ts"

/** A message of EVENTS as the broker hands it out. */
export interface RawEvent {
  readonly sequence: number
  readonly subject: string
  readonly storedAt: Date
  readonly body: string
}

const decodeBody = Schema.decodeUnknownResult(JobEventJson)

export const decode = (raw: RawEvent) =>
  Result.map(decodeBody(raw.body), (event): StoredEvent => ({ sequence: raw.sequence, storedAt: raw.storedAt, event }))

/** Bodies in EVENTS that this version cannot read. They are skipped: one bad body must not stop a projection. */
export const undecodableEvents = Metric.counter("darkroom_log_undecodable_events_total", { incremental: true })

/** The event, or undefined after it was logged and counted. */
export const decodeOrSkip = Effect.fnUntraced(function*(raw: RawEvent) {
  const decoded = decode(raw)
  if (Result.isSuccess(decoded)) return decoded.success
  yield* Metric.update(undecodableEvents, 1)
  yield* Effect.logWarning(`event ${raw.sequence} of the log cannot be read and is skipped`).pipe(
    Effect.annotateLogs({ subject: raw.subject, problem: decoded.failure.message })
  )
  return undefined
})

/** By the subject, because WORK is made from the subject too. */
export const isQueued = (subject: string): boolean => parseEventSubject(subject)?.event === "queued"
