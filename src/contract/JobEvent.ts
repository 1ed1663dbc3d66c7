import { Schema } from "effect"
import { JobRecord, Timestamp } from "./Job.ts"
import { type EventName, eventNames } from "./subjects.ts"

/** `dev.darkroom.job.<event>.v1` */
export const eventTypeOf = (event: EventName): string => `dev.darkroom.job.${event}.v1`

export const eventNameOf = (type: string): EventName | undefined => {
  const name = /^dev\.darkroom\.job\.([a-z]+)\.v\d+$/.exec(type)?.[1]
  return eventNames.find((known) => known === name)
}

/**
 * One change of a job as a CloudEvents 1.0 JSON document (structured mode); `data` is the whole job record.
 * `id` is unique per event: it is also `Nats-Msg-Id` and `webhook-id`. Event types this version does not know decode
 * too, so that a projection can store and skip them.
 */
export const JobEvent = Schema.StructWithRest(
  Schema.Struct({
    specversion: Schema.Literal("1.0"),
    id: Schema.NonEmptyString,
    source: Schema.NonEmptyString,
    type: Schema.NonEmptyString,
    subject: Schema.NonEmptyString,
    time: Timestamp,
    datacontenttype: Schema.Literal("application/json"),
    traceparent: Schema.optionalKey(Schema.String),
    data: JobRecord
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)
export type JobEvent = typeof JobEvent.Type

export const JobEventJson = Schema.fromJsonString(JobEvent)

/** An event with its place in the log. */
export interface StoredEvent {
  readonly sequence: number
  /** Server time of the append. */
  readonly storedAt: Date
  readonly event: JobEvent
}
