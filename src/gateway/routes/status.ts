import { Effect, Schema } from "effect"
import type { Context } from "hono"
import { StatusResponse } from "../../contract/EditApi.ts"
import type { Env } from "../http.ts"
import { outputsBase64, readJob, rowOfView, sizeText, summarize, unknownJob } from "../jobs.ts"
import { Projection } from "../projection/Projection.ts"

/** `GET /api/status/{job_id}`: the job as the log's leader has it, with its output. */
export const status = Effect.fnUntraced(function*(c: Context<Env>) {
  const jobId = c.req.param("job_id") ?? ""
  const view = yield* readJob(jobId, c.get("key"))
  const { record } = view
  if (record.state === "deleted") return yield* unknownJob(jobId)
  // The queue position is the projection's: let it see this job first.
  if (record.state === "queued") yield* (yield* Projection).reach(view.last.sequence)
  const summary = yield* summarize(rowOfView(view))
  const outputs = summary.output_image_url === "" || record.kind === "frames" ? yield* outputsBase64(record) : []
  const body = yield* Effect.orDie(Schema.encodeEffect(StatusResponse)({
    ...summary,
    output_b64: outputs[0] ?? "",
    input_size: sizeText(record.inputs[0]),
    output_size: sizeText(record.output?.images[0]),
    ...(record.output?.text === undefined ? {} : { output_text: record.output.text }),
    ...(record.kind === "frames" && outputs.length > 0 ? { output_frames_b64: outputs } : {})
  }))
  return c.json(body, 200, { "Cache-Control": "no-store" })
})
