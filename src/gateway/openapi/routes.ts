import type { Schema } from "effect"
import type { Scope } from "../../contract/ApiKey.ts"
import * as Edit from "../../contract/EditApi.ts"
import * as Models from "../../contract/ModelsApi.ts"

/** Every documented route: one table for `/openapi.json`, `/docs` and the test that compares it with the app. */
export interface RouteDoc {
  readonly method: "get" | "post" | "delete"
  /** With `{name}` for path parameters. */
  readonly path: string
  readonly id: string
  readonly tag: "Edit" | "Jobs" | "Pool" | "Models" | "Service"
  readonly summary: string
  readonly description?: string
  /** `undefined`: no key. */
  readonly scope: Scope | undefined
  readonly query?: Schema.Top
  readonly body?: { readonly name: string; readonly schema: Schema.Top; readonly imageField?: string }
  readonly response: { readonly name: string; readonly schema: Schema.Top } | { readonly mediaType: string; readonly description: string }
  /** Submits a job: takes Prefer, Idempotency-Key and the like. */
  readonly submits?: boolean
  readonly errors: ReadonlyArray<number>
}

const submitErrors = [400, 401, 403, 409, 413, 415, 422, 500, 502, 503]
const jobErrors = [401, 403, 404, 503]

export const routeDocs: ReadonlyArray<RouteDoc> = [
  {
    method: "post", path: "/api/edit", id: "edit", tag: "Edit", scope: "submit", submits: true,
    summary: "Edit a photo by a sentence",
    description: "Waits for the result. `Prefer: respond-async` answers 202 at once; `Prefer: wait=N` after N seconds.",
    body: { name: "EditRequest", schema: Edit.EditRequest, imageField: "image" },
    response: { name: "EditResponse", schema: Edit.EditResponse },
    errors: submitErrors
  },
  {
    method: "get", path: "/api/status/{job_id}", id: "status", tag: "Jobs", scope: "read",
    summary: "A job with its output",
    response: { name: "StatusResponse", schema: Edit.StatusResponse }, errors: jobErrors
  },
  {
    method: "get", path: "/api/jobs/{job_id}/events", id: "events", tag: "Jobs", scope: "read",
    summary: "What happens to a job, as server-sent events",
    description:
      "Events: queued, position, started, step, text, then completed, failed or cancelled. A step has a phase: loading, with the model, " +
      "the part of it that is being loaded, and graphs and bytes done of all; or running, with the steps (of a text job tokens) done of all. " +
      "A text job also has text events, {job_id, attempt, text}: what was written since the one before on this stream, so that all of " +
      "an attempt joined are its text. A new stream begins with the whole text so far; a started event begins it anew. Its completed and " +
      "cancelled events have a finish_reason. " +
      "Events of the job log carry an id; " +
      "send it back as Last-Event-ID to go on after it. 204 when nothing more will come.",
    response: { mediaType: "text/event-stream", description: "The stream; it ends when the job has ended." },
    errors: jobErrors
  },
  {
    method: "get", path: "/api/history", id: "history", tag: "Jobs", scope: "read",
    summary: "Your jobs, newest first", description: "A key with the scope admin sees everybody's.",
    query: Edit.HistoryQuery, response: { name: "HistoryResponse", schema: Edit.HistoryResponse }, errors: [400, 401, 403, 503]
  },
  {
    method: "post", path: "/api/job/{job_id}/cancel", id: "cancel", tag: "Jobs", scope: "submit",
    summary: "Cancel a queued or running job", description: "A running one stops at its next step.",
    response: { name: "CancelResponse", schema: Edit.CancelResponse }, errors: [401, 403, 404, 409, 503]
  },
  {
    method: "post", path: "/api/job/{job_id}/retry", id: "retry", tag: "Jobs", scope: "submit",
    summary: "Queue a failed job again", description: "At most three times.",
    response: { name: "RetryResponse", schema: Edit.RetryResponse }, errors: [401, 403, 404, 409, 503]
  },
  {
    method: "get", path: "/api/queue", id: "queue", tag: "Pool", scope: "read",
    summary: "Counts, averages and GPUs of a pool",
    query: Edit.PoolQuery, response: { name: "QueueResponse", schema: Edit.QueueResponse }, errors: [401, 403, 404, 503]
  },
  {
    method: "post", path: "/api/gpu/scale", id: "scale", tag: "Pool", scope: "admin",
    summary: "Set how many replicas a pool keeps running", description: "0 lets it sleep; the next job wakes it.",
    query: Edit.ScaleQuery, response: { name: "ScaleResponse", schema: Edit.ScaleResponse }, errors: [400, 401, 403, 404, 503]
  },
  {
    method: "post", path: "/text/generate", id: "generateText", tag: "Models", scope: "submit", submits: true,
    summary: "Generate text",
    body: { name: "TextRequest", schema: Models.TextRequest },
    response: { name: "TextResponse", schema: Models.TextResponse }, errors: submitErrors
  },
  {
    method: "post", path: "/image/generate", id: "generateImage", tag: "Models", scope: "submit", submits: true,
    summary: "Generate an image",
    body: { name: "ImageRequest", schema: Models.ImageRequest },
    response: { name: "ImageResponse", schema: Models.ImageResponse }, errors: submitErrors
  },
  {
    method: "post", path: "/image/edit", id: "editImage", tag: "Models", scope: "submit", submits: true,
    summary: "Transform an image (img2img)",
    body: { name: "ImageEditRequest", schema: Models.ImageEditRequest, imageField: "image_base64" },
    response: { name: "ImageResponse", schema: Models.ImageResponse }, errors: submitErrors
  },
  {
    method: "post", path: "/video/generate-frames", id: "generateFrames", tag: "Models", scope: "submit", submits: true,
    summary: "Generate the frames of an animation",
    body: { name: "FramesRequest", schema: Models.FramesRequest },
    response: { name: "FramesResponse", schema: Models.FramesResponse }, errors: submitErrors
  },
  {
    method: "get", path: "/health", id: "health", tag: "Service", scope: undefined,
    summary: "Health as the models API has it",
    response: { name: "HealthResponse", schema: Models.HealthResponse }, errors: []
  },
  {
    method: "get", path: "/livez", id: "livez", tag: "Service", scope: undefined, summary: "The process is alive",
    response: { mediaType: "application/json", description: "Always 200." }, errors: []
  },
  {
    method: "get", path: "/readyz", id: "readyz", tag: "Service", scope: undefined, summary: "The gateway can take traffic",
    description: "Also names what is weaker than promised, such as a broker that does not sync every write. " +
      "With ?exclude=job_log (any check, several times) that check is told and not asked for.",
    response: { mediaType: "application/json", description: "Ready." }, errors: [503]
  },
  {
    method: "get", path: "/openapi.json", id: "openapi", tag: "Service", scope: undefined, summary: "This document",
    response: { mediaType: "application/json", description: "OpenAPI 3.1." }, errors: []
  },
  {
    method: "get", path: "/docs", id: "docs", tag: "Service", scope: undefined, summary: "This API as a page",
    response: { mediaType: "text/html", description: "HTML, without anything from elsewhere." }, errors: []
  }
]
