import { Schema } from "effect"
import { ErrorClass } from "./ErrorClass.ts"
import { Priority, Share } from "./Lane.ts"

/** What is asked for; every kind has a default model by configuration. */
export const JobKind = Schema.Literals(["edit", "image_to_image", "text_to_image", "frames", "text"])
export type JobKind = typeof JobKind.Type

/** `none` (before the first event) is not stored; see docs/job-states.md. */
export const JobState = Schema.Literals(["queued", "processing", "completed", "failed", "cancelled", "deleted"])
export type JobState = typeof JobState.Type

export const isEnded = (state: JobState): boolean => state !== "queued" && state !== "processing"

/** RFC 3339 in UTC, as `Date.prototype.toISOString` writes it. */
export const Timestamp = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, { expected: "an RFC 3339 time in UTC" })
)

export const Sha256 = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/, { expected: "64 hex digits" }))

/** A picture in the blob store. `name` is the object's name; sizes are those of the upright picture. */
export const ImageRef = Schema.Struct({
  name: Schema.String,
  sha256: Sha256,
  bytes: Schema.Int,
  media_type: Schema.Literals(["image/png", "image/jpeg", "image/webp"]),
  width: Schema.Int,
  height: Schema.Int
})
export type ImageRef = typeof ImageRef.Type

/** Only those that the kind knows are present; ranges are checked by the API schemas. */
export const JobParameters = Schema.Struct({
  steps: Schema.optionalKey(Schema.Int),
  cfg: Schema.optionalKey(Schema.Finite),
  seed: Schema.optionalKey(Schema.Int),
  negative_prompt: Schema.optionalKey(Schema.String),
  style: Schema.optionalKey(Schema.String),
  strength: Schema.optionalKey(Schema.Finite),
  width: Schema.optionalKey(Schema.Int),
  height: Schema.optionalKey(Schema.Int),
  num_frames: Schema.optionalKey(Schema.Int),
  max_tokens: Schema.optionalKey(Schema.Int),
  temperature: Schema.optionalKey(Schema.Finite),
  top_p: Schema.optionalKey(Schema.Finite),
  loras: Schema.optionalKey(Schema.Array(Schema.Struct({ name: Schema.String, weight: Schema.Finite })))
})
export type JobParameters = typeof JobParameters.Type

export const JobOutput = Schema.Struct({
  images: Schema.Array(ImageRef),
  text: Schema.optionalKey(Schema.String),
  finish_reason: Schema.optionalKey(Schema.Literals(["stop", "length", "cancelled"]))
})
export type JobOutput = typeof JobOutput.Type

export const JobError = Schema.Struct({ class: ErrorClass, message: Schema.String })
export type JobError = typeof JobError.Type

/**
 * The job record: the `data` of every event, so that the last event of a job is its status.
 * Fields are only ever added. Unknown fields are kept through decode and encode, because an older program
 * must not drop what a newer one wrote.
 */
export const JobRecord = Schema.StructWithRest(
  Schema.Struct({
    schema_version: Schema.Int,
    job_id: Schema.String.check(Schema.isUUID()),
    kind: JobKind,
    state: JobState,
    pool: Schema.String,
    model: Schema.String,
    priority: Priority,
    share: Share,
    /** Id of the API key that submitted the job. */
    client: Schema.String,
    /** The caller's own label; anybody can write anything here. */
    client_id: Schema.NullOr(Schema.String),
    /** Empty in a tombstone (`deleted`). */
    prompt: Schema.String,
    parameters: JobParameters,
    inputs: Schema.Array(ImageRef),
    created_at: Timestamp,
    /** When the job last entered the queue. */
    queued_at: Timestamp,
    /** Sequence in EVENTS of the job's latest `queued`; absent in that event itself. */
    queued_sequence: Schema.optionalKey(Schema.Int),
    /** A job still queued then fails as `expired`. */
    queue_deadline: Timestamp,
    /** Longest run of one attempt. */
    timeout_s: Schema.Finite,
    /** Ordinal of `started` events in the job's life; never reused, so blobs of two attempts never meet. 0 = not yet. */
    attempt: Schema.Int,
    /** Attempts that count in this round: at most 3; `released` takes one back, a user's retry resets it. */
    attempts_counted: Schema.Int,
    /** Retries by the user: at most 3. */
    retry_count: Schema.Int,
    agent: Schema.optionalKey(Schema.String),
    started_at: Schema.optionalKey(Timestamp),
    ended_at: Schema.optionalKey(Timestamp),
    /** Seconds on the agent, from the claim to the written result. */
    actual_time_s: Schema.optionalKey(Schema.Finite),
    output: Schema.optionalKey(JobOutput),
    error: Schema.optionalKey(JobError),
    warnings: Schema.Array(Schema.String),
    /** SHA-256 of the submission, for Idempotency-Key and for attaching identical submissions. */
    request_hash: Schema.optionalKey(Schema.String),
    traceparent: Schema.optionalKey(Schema.String)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)
export type JobRecord = typeof JobRecord.Type

export const jobSchemaVersion = 1
