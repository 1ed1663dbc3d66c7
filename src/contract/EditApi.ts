import { Effect, Schema } from "effect"
import { JobState, Timestamp } from "./Job.ts"
import { Priority } from "./Lane.ts"
import { clientIdMaxChars, furtherImagesMax, historyPageMax, lorasMax, promptMaxChars } from "./limits.ts"
import { PoolState } from "./GpuPool.ts"

/** The edit API: bodies, defaults and ranges as ../docs/openapi.json publishes them. */

export const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
export const within = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))
/** Absent ⇒ the default. */
export const orDefault = <S extends Schema.Codec<any, any>>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

export const Prompt = Schema.String.check(
  Schema.isPattern(/\S/, { expected: "a text that is not blank" }),
  Schema.isMaxLength(promptMaxChars)
).annotate({ description: "What to do, in plain English.", examples: ["make the orange suit blue"] })

export const Seed = between(0, 2 ** 32 - 1)
export const ModelName = Schema.String.check(Schema.isPattern(/^[a-z0-9][a-z0-9.-]{0,62}$/, { expected: "a model's name" }))

/** Adapters of the model, each by a name that its manifest declares. */
export const Loras = Schema.Array(
  Schema.Struct({
    name: Schema.String.check(Schema.isPattern(/^[a-z0-9][a-z0-9_]{0,62}$/, { expected: "an adapter's name" })),
    weight: orDefault(within(-2, 2), 1)
  })
).check(
  Schema.makeFilter((loras) => {
    const twice = loras.findIndex(({ name }, i) => loras.findIndex((other) => other.name === name) < i)
    return twice < 0 ? undefined : { path: [twice, "name"], issue: "is named twice" }
  }),
  Schema.isMaxLength(lorasMax)
).annotate({ description: "Adapters of the model to use, by name, with a weight (1 when absent) in the range that the model declares; at most 4." })

/** `POST /api/edit`. `image`: base64 or a data: URL of a JPEG, PNG or WebP, at most 10 MiB decoded. */
export const EditRequest = Schema.Struct({
  image: Schema.NonEmptyString.annotate({ description: "Base64 or data: URL of a JPEG, PNG or WebP; at most 10 MiB decoded." }),
  images: Schema.optionalKey(
    Schema.Array(Schema.NonEmptyString).check(Schema.isMaxLength(furtherImagesMax)).annotate({
      description: "The second and third picture, as `image` is the first, for models that take several; the whole body at most 15 MiB."
    })
  ),
  prompt: Prompt,
  steps: orDefault(between(4, 20), 6),
  cfg: orDefault(within(1, 10), 1),
  seed: orDefault(Schema.NullOr(Seed), 42),
  priority: orDefault(Priority, 1),
  client_id: orDefault(Schema.NullOr(Schema.String.check(Schema.isMaxLength(clientIdMaxChars))), null),
  model: Schema.optionalKey(ModelName),
  loras: Schema.optionalKey(Loras)
})
export type EditRequest = typeof EditRequest.Type

const Config = Schema.Struct({ steps: Schema.Int, cfg: Schema.Finite, seed: Schema.Int })

export const EditResponse = Schema.Struct({
  job_id: Schema.String,
  status: Schema.Literal("completed"),
  actual_time_s: Schema.Finite,
  output_image_url: Schema.String,
  output_b64: Schema.String,
  config: Config,
  input_size: Schema.String,
  output_size: Schema.String,
  warnings: Schema.Array(Schema.String)
})
export type EditResponse = typeof EditResponse.Type

/** 202: `Prefer: respond-async`, or `wait=N` that ran out. */
export const AcceptedResponse = Schema.Struct({
  id: Schema.String,
  job_id: Schema.String,
  status: JobState,
  status_url: Schema.String,
  cancel_url: Schema.String,
  events_url: Schema.String,
  queue_position: Schema.NullOr(Schema.Int)
})
export type AcceptedResponse = typeof AcceptedResponse.Type

const jobFields = {
  job_id: Schema.String,
  status: JobState,
  kind: Schema.String,
  model: Schema.String,
  created_at: Timestamp,
  prompt: Schema.String,
  steps: Schema.NullOr(Schema.Int),
  cfg: Schema.NullOr(Schema.Finite),
  seed: Schema.NullOr(Schema.Int),
  priority: Schema.Int,
  client_id: Schema.NullOr(Schema.String),
  output_image_url: Schema.String,
  actual_time_s: Schema.NullOr(Schema.Finite),
  completed_at: Schema.NullOr(Timestamp),
  retry_count: Schema.Int,
  queue_position: Schema.NullOr(Schema.Int),
  error: Schema.NullOr(Schema.Struct({ class: Schema.String, message: Schema.String })),
  warnings: Schema.Array(Schema.String)
}

/** One job of `/api/history`: metadata only. */
export const JobSummary = Schema.Struct(jobFields)
export type JobSummary = typeof JobSummary.Type

/** `GET /api/status/{job_id}` */
export const StatusResponse = Schema.Struct({
  ...jobFields,
  output_b64: Schema.String,
  input_size: Schema.String,
  output_size: Schema.String,
  /** Of a text job. */
  output_text: Schema.optionalKey(Schema.String),
  /** Of a frames job; `output_b64` is the first. */
  output_frames_b64: Schema.optionalKey(Schema.Array(Schema.String))
})
export type StatusResponse = typeof StatusResponse.Type

/** Query parameters arrive as text; an empty one is not zero. */
const wholeNumberText = (minimum: number, maximum: number) =>
  Schema.String.check(Schema.isPattern(/^\d{1,9}$/, { expected: "a whole number" })).pipe(
    Schema.decodeTo(Schema.NumberFromString),
    Schema.check(Schema.isBetween({ minimum, maximum }))
  )

/** Query of `/api/history`. */
export const HistoryQuery = Schema.Struct({
  page: orDefault(wholeNumberText(1, 1_000_000), "1"),
  limit: orDefault(wholeNumberText(1, historyPageMax), "20"),
  status: Schema.optionalKey(Schema.Literals(["completed", "processing", "queued", "failed", "cancelled"]))
})

export const HistoryResponse = Schema.Struct({
  jobs: Schema.Array(JobSummary),
  total: Schema.Int,
  page: Schema.Int,
  limit: Schema.Int,
  pages: Schema.Int
})
export type HistoryResponse = typeof HistoryResponse.Type

export const QueueResponse = Schema.Struct({
  queued: Schema.Int,
  processing: Schema.Int,
  completed: Schema.Int,
  failed: Schema.Int,
  cancelled: Schema.Int,
  avg_time_s: Schema.Finite,
  throughput_per_min: Schema.Finite,
  total_jobs: Schema.Int,
  gpu: Schema.Struct({
    status: PoolState,
    active_replicas: Schema.Int,
    min_replicas: Schema.Int,
    max_replicas: Schema.Int,
    instance_type: Schema.String
  })
})
export type QueueResponse = typeof QueueResponse.Type

/** Query of `/api/queue`. */
export const PoolQuery = Schema.Struct({ pool: Schema.optionalKey(Schema.NonEmptyString) })

export const ScaleQuery = Schema.Struct({
  replicas: orDefault(wholeNumberText(0, 10_000), "1"),
  pool: Schema.optionalKey(Schema.NonEmptyString)
})
export const ScaleResponse = Schema.Struct({
  status: Schema.Literal("scaled"),
  min_replicas: Schema.Int,
  max_replicas: Schema.Int
})
export const CancelResponse = Schema.Struct({ status: Schema.Literal("cancelled"), job_id: Schema.String })
export const RetryResponse = Schema.Struct({
  status: Schema.Literal("requeued"),
  job_id: Schema.String,
  retry_count: Schema.Int
})
