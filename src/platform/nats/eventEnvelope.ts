import type { JobRecord } from "../../contract/Job.ts"
import { eventTypeOf, type JobEvent } from "../../contract/JobEvent.ts"
import { laneName } from "../../contract/Lane.ts"
import { eventSubject } from "../../contract/subjects.ts"
import type { Transition } from "../../contract/transitions.ts"

/** The facts of one append that the state machine does not know. */
export interface Envelope {
  readonly id: string
  readonly source: string
  /** RFC 3339, UTC. */
  readonly at: string
  /** W3C, of the span that appends. */
  readonly traceparent: string | undefined
  /** Sequence of the job's latest `queued`; undefined for a submit. */
  readonly queuedSequence: number | undefined
}

const traceIdOf = (traceparent: string): string | undefined => traceparent.split("-")[1]

/** The appending span when it belongs to the job's own trace (or the job has none), else the trace of the job. */
const traceOf = (record: JobRecord, current: string | undefined): string | undefined => {
  if (record.traceparent === undefined) return current
  if (current === undefined) return record.traceparent
  return traceIdOf(current) === traceIdOf(record.traceparent) ? current : record.traceparent
}

/** The CloudEvent of a transition. Every record but that of a `queued` names the `queued` that it belongs to. */
export const envelop = ({ event, record }: Transition, envelope: Envelope): JobEvent => {
  const { queued_sequence: _before, ...rest } = record
  const data = event === "queued" || envelope.queuedSequence === undefined
    ? (rest as JobRecord)
    : { ...record, queued_sequence: envelope.queuedSequence }
  const traceparent = traceOf(record, envelope.traceparent)
  return {
    specversion: "1.0",
    id: envelope.id,
    source: envelope.source,
    type: eventTypeOf(event),
    subject: record.job_id,
    time: envelope.at,
    datacontenttype: "application/json",
    ...(traceparent === undefined ? {} : { traceparent }),
    data
  }
}

export const subjectOf = ({ event, record }: Transition): string =>
  eventSubject(record.job_id, event, {
    pool: record.pool,
    model: record.model,
    lane: laneName({ priority: record.priority, share: record.share }),
    client: record.client
  })
