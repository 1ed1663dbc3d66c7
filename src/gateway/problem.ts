import { Schema } from "effect"
import type { JobRecord } from "../contract/Job.ts"
import { httpStatusOf } from "../contract/ErrorClass.ts"
import type { Problem } from "../contract/Problem.ts"

/** Every kind of error that the API answers with; the slug is the anchor of its explanation in `/docs`. */
export const problemKinds = {
  "invalid-request": { status: 400, title: "The request is not valid" },
  "missing-key": { status: 401, title: "An API key is needed" },
  "missing-scope": { status: 403, title: "The API key may not do this" },
  "foreign-origin": { status: 403, title: "This origin may not use the models service" },
  "not-found": { status: 404, title: "Not found" },
  "method-not-allowed": { status: 405, title: "The method is not allowed here" },
  "conflict": { status: 409, title: "The job's state does not allow this" },
  "in-progress": { status: 409, title: "The first request with this key is still running" },
  "too-large": { status: 413, title: "The request is too large" },
  "unsupported-media-type": { status: 415, title: "The content type is not supported" },
  "wrong-host": { status: 421, title: "This host name is not served here" },
  "key-reused": { status: 422, title: "The Idempotency-Key belongs to another request" },
  "internal-error": { status: 500, title: "The gateway failed" },
  "job-failed": { status: 500, title: "The job failed" },
  "not-finished": { status: 502, title: "The job is not finished yet" },
  "agent-failed": { status: 502, title: "No agent finished the job" },
  "no-pool": { status: 503, title: "No pool serves this model" },
  "no-room": { status: 503, title: "The queue is full" },
  "unavailable": { status: 503, title: "The job log cannot be reached" }
} as const
export type ProblemKind = keyof typeof problemKinds

/** An answer other than success. `detail` is a sentence for a person: what was wrong, and what to do. */
export class ApiProblem extends Schema.TaggedError<ApiProblem>()("ApiProblem", {
  kind: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  errors: Schema.Array(Schema.Struct({ field: Schema.String, message: Schema.String })),
  jobId: Schema.UndefinedOr(Schema.String),
  errorClass: Schema.UndefinedOr(Schema.String),
  headers: Schema.Record(Schema.String, Schema.String)
}) {}

export interface ProblemOptions {
  readonly status?: number
  readonly errors?: ReadonlyArray<{ readonly field: string; readonly message: string }>
  readonly jobId?: string
  readonly errorClass?: string
  readonly headers?: Record<string, string>
}

export const problem = (kind: ProblemKind, detail: string, options: ProblemOptions = {}): ApiProblem =>
  new ApiProblem({
    kind,
    detail,
    status: options.status ?? problemKinds[kind].status,
    errors: options.errors ?? [],
    jobId: options.jobId,
    errorClass: options.errorClass,
    headers: options.headers ?? {}
  })

/** Seconds after which a refused client may try again. */
export const retryAfter = (seconds: number): Record<string, string> => ({ "Retry-After": String(seconds) })

export const invalidField = (field: string, message: string): ApiProblem =>
  problem("invalid-request", `${field}: ${message}`, { errors: [{ field, message }] })

export const unavailable = (): ApiProblem =>
  problem("unavailable", "The job log (NATS) does not answer. Try again in a few seconds; with the same Idempotency-Key it stays one job.", {
    headers: retryAfter(5)
  })

/** How a route that waits answers for a job that did not complete. */
export const jobProblem = (record: JobRecord): ApiProblem => {
  if (record.state === "cancelled") {
    return problem("conflict", `The job ${record.job_id} was cancelled.`, { jobId: record.job_id })
  }
  if (record.state === "deleted") {
    return problem("not-found", `The job ${record.job_id} was deleted.`, { jobId: record.job_id })
  }
  const error = record.error ?? { class: "model_error" as const, message: "The job failed." }
  const status = httpStatusOf(error.class)
  const kind = status === 400 ? "invalid-request" : status === 502 ? "agent-failed" : status === 503 ? "no-pool" : "job-failed"
  return problem(kind, error.message, { jobId: record.job_id, errorClass: error.class })
}

export const problemBody = (error: ApiProblem, requestId: string): Problem => ({
  type: `/docs#${error.kind}`,
  title: problemKinds[error.kind as ProblemKind].title,
  status: error.status,
  detail: error.detail,
  request_id: requestId,
  ...(error.jobId === undefined ? {} : { job_id: error.jobId }),
  ...(error.errorClass === undefined ? {} : { error_class: error.errorClass }),
  ...(error.errors.length === 0 ? {} : { errors: error.errors })
})

export const problemResponse = (error: ApiProblem, requestId: string): Response =>
  new Response(JSON.stringify(problemBody(error, requestId)), {
    status: error.status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      ...(error.jobId === undefined ? {} : { "X-Job-Id": error.jobId }),
      ...error.headers
    }
  })
