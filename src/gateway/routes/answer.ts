import { Effect, Fiber } from "effect"
import type { Context } from "hono"
import type { ImageRef, JobParameters, JobRecord } from "../../contract/Job.ts"
import { Blobs } from "../../platform/blobs/Blobs.ts"
import type { JobView } from "../../platform/nats/JobLog.ts"
import { type Admitted, Admission } from "../admission/Admission.ts"
import type { Submission } from "../admission/Submission.ts"
import { GatewayConfig } from "../config.ts"
import type { Env, HandlerError, Services } from "../http.ts"
import { accepted, outputBytes, statusUrl } from "../jobs.ts"
import { type Preference, parseIdempotencyKey, parsePrefer, prefersImage } from "../negotiate.ts"
import { invalidField, jobProblem, problem } from "../problem.ts"
import { Projection } from "../projection/Projection.ts"
import { ProgressHub } from "../waiting/ProgressHub.ts"
import { Waiters } from "../waiting/Waiters.ts"

/** The body of a completed job's answer, as JSON. */
export type Render = (record: JobRecord) => Effect.Effect<string | Buffer, HandlerError, Services>

export interface RouteOptions {
  /** False on the listener that has no status routes. */
  readonly async: boolean
}

/** Idempotency and attaching, as the request's headers ask for them. */
export const submissionHeaders = Effect.fnUntraced(function*(c: Context<Env>) {
  const header = c.req.header("Idempotency-Key")
  const idempotencyKey = header === undefined ? undefined : parseIdempotencyKey(header)
  if (header !== undefined && idempotencyKey === undefined) {
    return yield* invalidField("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
  }
  return { idempotencyKey, attach: c.req.header("X-Darkroom-Attach")?.toLowerCase() !== "no", client: c.get("key").id }
})

/** Only where some were named: an empty list asks for nothing. */
export const lorasOf = ({ loras = [] }: { readonly loras?: NonNullable<JobParameters["loras"]> }): JobParameters => (loras.length === 0 ? {} : { loras })

const jobHeaders = (record: JobRecord): Headers => {
  const headers = new Headers({ "X-Job-Id": record.job_id, "Cache-Control": "no-store" })
  if (record.parameters.seed !== undefined) headers.set("X-Seed", String(record.parameters.seed))
  for (const warning of record.warnings) headers.append("X-Darkroom-Warning", warning.replaceAll(/[^\x20-\x7e]/g, "?"))
  return headers
}

/** The bytes of an output; a problem when they are older than the store keeps them. */
export const storedBytes = (record: JobRecord, image: ImageRef) =>
  outputBytes(image).pipe(Effect.catchTag("BlobMissing", () =>
    Effect.fail(problem("not-found", "The picture is no longer stored.", { jobId: record.job_id }))))

const imageResponse = Effect.fnUntraced(function*(record: JobRecord, image: ImageRef) {
  const bytes = yield* storedBytes(record, image)
  const headers = jobHeaders(record)
  headers.set("Content-Type", image.media_type)
  return new Response(bytes as Uint8Array<ArrayBuffer>, { headers })
})

/** A cancelled text job has no output in the log; who waited for it gets what this gateway heard of it. */
const cancelledText = Effect.fnUntraced(function*(record: JobRecord) {
  const progress = (yield* ProgressHub).latest(record.job_id)
  const text = progress?.attempt === record.attempt ? progress.text : undefined
  return { ...record, output: { images: [], text: text ?? "", finish_reason: "cancelled" as const } }
})

const completedResponse = Effect.fnUntraced(function*(c: Context<Env>, ended: JobRecord, render: Render) {
  const isCancelledText = ended.state === "cancelled" && ended.kind === "text"
  const record = isCancelledText ? yield* cancelledText(ended) : ended
  if (record.state !== "completed" && !isCancelledText) return yield* jobProblem(record)
  const image = record.output?.images[0]
  if (image !== undefined && record.kind !== "frames" && prefersImage(c.req.header("Accept"))) {
    return yield* imageResponse(record, image)
  }
  const headers = jobHeaders(record)
  headers.set("Content-Type", "application/json")
  return new Response((yield* render(record)) as BodyInit, { headers })
})

const acceptedResponse = Effect.fnUntraced(function*(view: JobView, applied: string) {
  const headers = jobHeaders(view.record)
  headers.set("Content-Type", "application/json")
  headers.set("Location", statusUrl(view.record.job_id))
  headers.set("Preference-Applied", applied)
  yield* (yield* Projection).reach(view.last.sequence)
  return new Response(JSON.stringify(yield* accepted(view)), { status: 202, headers })
})

const stillRunning = (view: JobView) =>
  problem("in-progress", "The first request with this Idempotency-Key is still running; ask for its status, or try again later.", {
    jobId: view.record.job_id,
    headers: { Location: statusUrl(view.record.job_id), "Retry-After": "5" }
  })

const tooLate = (view: JobView, why: string) =>
  problem("not-finished", `${why} The job goes on: GET ${statusUrl(view.record.job_id)} has its result.`, {
    jobId: view.record.job_id,
    headers: { Location: statusUrl(view.record.job_id) }
  })

const answer = Effect.fnUntraced(function*(
  c: Context<Env>,
  { how, view }: Admitted,
  preference: Preference,
  render: Render
) {
  if (preference.respondAsync) return yield* acceptedResponse(view, "respond-async")
  const isRunning = view.record.state === "queued" || view.record.state === "processing"
  if (how === "replayed" && isRunning) return yield* stillRunning(view)
  const { editWaitMs } = yield* GatewayConfig
  const waitMs = Math.min(preference.waitMs ?? editWaitMs, editWaitMs)
  const outcome = yield* (yield* Waiters).awaitEnd(view, waitMs)
  switch (outcome._tag) {
    case "Ended":
      return yield* completedResponse(c, outcome.record, render)
    case "TimedOut":
      return yield* preference.waitMs === undefined
        ? Effect.fail(tooLate(view, `The job did not finish within ${waitMs / 1000} s.`))
        : acceptedResponse(view, `wait=${preference.waitMs / 1000}`)
    case "ShuttingDown":
      return yield* tooLate(view, "The gateway is being restarted.")
  }
})

/** Records the job and answers as the client prefers: with the result, or with where to find it. */
export const submitAndAnswer = Effect.fnUntraced(function*(
  c: Context<Env>,
  submission: Submission,
  render: Render,
  options: RouteOptions
): Effect.fn.Return<Response, HandlerError, Services> {
  const preference = options.async ? parsePrefer(c.req.header("Prefer")) : { respondAsync: false, waitMs: undefined }
  const admission = yield* Admission
  // A client that goes away in the middle must not leave half a job: the recording runs on by itself.
  const recording = yield* Effect.forkDetach(admission.submit(submission))
  return yield* answer(c, yield* Fiber.join(recording), preference, render)
})

const noBytes = new Uint8Array(0)

/** The job's first output: its public URL when the store has one, else its bytes. */
export const firstOutput = Effect.fnUntraced(function*(record: JobRecord) {
  const image = record.output?.images[0]
  if (image === undefined) return { url: "", bytes: noBytes, image }
  const url = (yield* Blobs).publicUrl(image.name)
  return { url, bytes: url === "" ? yield* storedBytes(record, image) : noBytes, image }
})
