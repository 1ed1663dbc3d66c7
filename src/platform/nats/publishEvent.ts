import { headers } from "@nats-io/transport-node"
import { Effect, Schema } from "effect"
import { type JobEvent, JobEventJson } from "../../contract/JobEvent.ts"
import { eventsStream, jobSubjects } from "../../contract/subjects.ts"
import { Connection } from "./Connection.ts"
import { LogConflict, LogFull, LogUnavailable } from "./errors.ts"
import { failureOf, request } from "./natsErrors.ts"

/** With the pauses 6.3 s, which outlasts the restart of a broker and the election of a leader. */
const publishTriesMax = 7
const firstPauseMs = 100
const publishTimeoutMs = 2_000

export interface Append {
  readonly jobId: string
  readonly subject: string
  readonly event: JobEvent
  /** Sequence of the job's last event; 0 for a job that must not exist. */
  readonly expected: number
  /** Finds the event by its id among the job's events after `expected`. */
  readonly findOwn: Effect.Effect<number | undefined, LogUnavailable>
}

/** What a consumer can tell without opening the body: a CloudEvents document, and the trace it belongs to. */
const headersOf = (event: JobEvent) => {
  const found = headers()
  found.set("Content-Type", "application/cloudevents+json; charset=UTF-8")
  if (event.traceparent !== undefined) found.set("traceparent", event.traceparent)
  return found
}

/**
 * Appends by compare-and-swap over all events of the job, and gives the sequence. A try whose answer was lost is made
 * again with the same message id; when a later answer then says "conflict", the event may be our own.
 */
export const publishEvent = Effect.fn("JobLog.publish")(function*(append: Append) {
  const { js } = yield* Connection
  const body = yield* Schema.encodeEffect(JobEventJson)(append.event).pipe(Effect.orDie)
  const once = request("append an event", () =>
    js.publish(append.subject, body, {
      msgID: append.event.id,
      headers: headersOf(append.event),
      timeout: publishTimeoutMs,
      expect: {
        streamName: eventsStream,
        lastSubjectSequence: append.expected,
        lastSubjectSequenceSubject: jobSubjects(append.jobId)
      }
    }))

  let ambiguous = false
  for (let attempt = 1;; attempt++) {
    const result = yield* Effect.result(once)
    if (result._tag === "Success") return result.success.seq
    const failure = failureOf(result.failure.cause)
    if (failure === "ambiguous" && attempt < publishTriesMax) {
      ambiguous = true
      yield* Effect.sleep(firstPauseMs * 2 ** (attempt - 1))
      continue
    }
    if (ambiguous || failure === "ambiguous") {
      const own = yield* append.findOwn
      if (own !== undefined) return own
    }
    if (failure === "conflict") return yield* new LogConflict({ job_id: append.jobId })
    if (failure === "full") return yield* new LogFull({ stream: eventsStream })
    return yield* new LogUnavailable({ operation: "append an event", cause: result.failure.cause })
  }
})
