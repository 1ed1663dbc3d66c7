import type { ImageRef, JobRecord } from "../../contract/Job.ts"
import { jobSchemaVersion } from "../../contract/Job.ts"
import { shareOf } from "../../contract/Lane.ts"
import { inputBlobName } from "../../contract/subjects.ts"
import type { Destination } from "./route.ts"
import type { Submission } from "./Submission.ts"

/** The first record of a job. Pure. */

/** An image that was looked into. */
export interface Picture {
  readonly bytes: Uint8Array
  readonly sha256: string
  readonly mediaType: ImageRef["media_type"]
  readonly width: number
  readonly height: number
}

export interface NewJob {
  readonly jobId: string
  readonly submission: Submission
  readonly pictures: ReadonlyArray<Picture>
  readonly requestHash: string
  readonly destination: Destination
  /** Used when the submission names none. */
  readonly randomSeed: number
  /** Jobs of the client in this priority that have not ended. */
  readonly unfinishedJobs: number
  readonly nowMs: number
  readonly queueTtlMs: number
  readonly timeoutMs: number
  readonly traceparent: string | undefined
}

const inputOf = (jobId: string, picture: Picture): ImageRef => ({
  name: inputBlobName(jobId, picture.sha256),
  sha256: picture.sha256,
  bytes: picture.bytes.byteLength,
  media_type: picture.mediaType,
  width: picture.width,
  height: picture.height
})

export const newRecord = (job: NewJob): JobRecord => {
  const { destination, jobId, nowMs, pictures, submission } = job
  const now = new Date(nowMs).toISOString()
  return {
    schema_version: jobSchemaVersion,
    job_id: jobId,
    kind: submission.kind,
    state: "queued",
    pool: destination.pool,
    model: destination.model,
    priority: submission.priority,
    share: shareOf(job.unfinishedJobs),
    client: submission.client,
    client_id: submission.clientId,
    prompt: submission.prompt,
    parameters: { ...submission.parameters, seed: submission.parameters.seed ?? job.randomSeed },
    inputs: pictures.map((picture) => inputOf(jobId, picture)),
    created_at: now,
    queued_at: now,
    queue_deadline: new Date(nowMs + job.queueTtlMs).toISOString(),
    timeout_s: job.timeoutMs / 1000,
    attempt: 0,
    attempts_counted: 0,
    retry_count: 0,
    warnings: submission.warnings,
    request_hash: job.requestHash,
    ...(job.traceparent === undefined ? {} : { traceparent: job.traceparent })
  }
}
