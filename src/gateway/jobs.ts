import { Effect } from "effect"
import type { ApiKeyRecord } from "../contract/ApiKey.ts"
import type { AcceptedResponse, JobSummary } from "../contract/EditApi.ts"
import type { ImageRef, JobRecord } from "../contract/Job.ts"
import { Blobs } from "../platform/blobs/Blobs.ts"
import { JobLog, type JobView } from "../platform/nats/JobLog.ts"
import { problem } from "./problem.ts"
import type { JobRow } from "./projection/apply.ts"
import { Projection } from "./projection/Projection.ts"

/** What the routes share about reading and showing a job. */

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export const unknownJob = (jobId: string) => problem("not-found", `There is no job "${jobId.slice(0, 64)}".`)

/** A key sees its own jobs, an admin's all; a foreign job is as unknown as one that never was. */
export const maySee = (key: ApiKeyRecord, record: JobRecord): boolean =>
  record.client === key.id || key.scopes.includes("admin")

/** The job as the leader has it: never a stale "not found". Deleted jobs come back too, with their state. */
export const readJob = Effect.fnUntraced(function*(jobId: string, key: ApiKeyRecord) {
  if (!uuidPattern.test(jobId)) return yield* unknownJob(jobId)
  const view = yield* (yield* JobLog).read(jobId)
  if (view === undefined || !maySee(key, view.record)) return yield* unknownJob(jobId)
  return view
})

export const sizeText = (image: ImageRef | undefined): string => (image === undefined ? "" : `${image.width}x${image.height}`)

/** Where the job stands: 0 = next; null when it does not wait. */
export const positionOf = Effect.fnUntraced(function*(row: JobRow) {
  if (row.record.state !== "queued") return null
  return yield* (yield* Projection).ahead(row)
})

export const rowOfView = (view: JobView): JobRow => ({
  sequence: view.last.sequence,
  firstSequence: view.last.sequence,
  queuedSequence: view.queuedSequence,
  record: view.record
})

export const publicUrlOf = Effect.fnUntraced(function*(record: JobRecord) {
  const image = record.output?.images[0]
  return image === undefined ? "" : (yield* Blobs).publicUrl(image.name)
})

/** A job as `/api/history` and `/api/status` show it, without images. */
export const summarize = Effect.fnUntraced(function*(row: JobRow) {
  const { record } = row
  return {
    job_id: record.job_id,
    status: record.state,
    kind: record.kind,
    model: record.model,
    created_at: record.created_at,
    prompt: record.prompt,
    steps: record.parameters.steps ?? null,
    cfg: record.parameters.cfg ?? null,
    seed: record.parameters.seed ?? null,
    priority: record.priority,
    client_id: record.client_id,
    output_image_url: yield* publicUrlOf(record),
    actual_time_s: record.actual_time_s ?? null,
    completed_at: record.ended_at ?? null,
    retry_count: record.retry_count,
    queue_position: yield* positionOf(row),
    error: record.error ?? null,
    warnings: record.warnings
  } satisfies JobSummary
})

/** The bytes of a job's output; they are gone when the job is older than the store keeps them. */
export const outputBytes = Effect.fnUntraced(function*(image: ImageRef) {
  return yield* (yield* Blobs).get(image.name)
})

export const base64Of = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")

/** All output images as base64; "" for one that the store no longer has. */
export const outputsBase64 = Effect.fnUntraced(function*(record: JobRecord) {
  return yield* Effect.forEach(record.output?.images ?? [], (image) =>
    outputBytes(image).pipe(Effect.map(base64Of), Effect.catchTag("BlobMissing", () => Effect.succeed(""))), { concurrency: 4 })
})

export const statusUrl = (jobId: string) => `/api/status/${jobId}`

export const accepted = Effect.fnUntraced(function*(view: JobView) {
  const { job_id, state } = view.record
  return {
    id: job_id,
    job_id,
    status: state,
    status_url: statusUrl(job_id),
    cancel_url: `/api/job/${job_id}/cancel`,
    events_url: `/api/jobs/${job_id}/events`,
    queue_position: yield* positionOf(rowOfView(view))
  } satisfies AcceptedResponse
})
