import { Effect, Schema } from "effect"
import type { Context } from "hono"
import { EditRequest, EditResponse } from "../../contract/EditApi.ts"
import type { JobRecord } from "../../contract/Job.ts"
import { decodeFields, readBody, type RequestBody, unknownFieldWarnings } from "../admission/body.ts"
import { imageOf } from "../admission/image.ts"
import type { Env } from "../http.ts"
import { jsonWithBase64 } from "../base64.ts"
import { sizeText } from "../jobs.ts"
import { firstOutput, lorasOf, type RouteOptions, submissionHeaders, submitAndAnswer } from "./answer.ts"

const encode = Schema.encodeEffect(EditResponse)

const render = Effect.fnUntraced(function*(record: JobRecord) {
  const { bytes, image, url } = yield* firstOutput(record)
  const { cfg, seed, steps } = record.parameters
  const body = yield* Effect.orDie(encode({
    job_id: record.job_id,
    status: "completed",
    actual_time_s: record.actual_time_s ?? 0,
    output_image_url: url,
    output_b64: "",
    config: { steps: steps ?? 0, cfg: cfg ?? 0, seed: seed ?? 0 },
    input_size: sizeText(record.inputs[0]),
    output_size: sizeText(image),
    warnings: record.warnings
  }))
  return jsonWithBase64(body, "output_b64", bytes)
})

/** The first, then the others as they were listed; each is checked like the first. */
const imagesOf = Effect.fnUntraced(function*(body: RequestBody, request: EditRequest) {
  const first = { field: "image", bytes: yield* imageOf("image", body.image, request.image) }
  const further = yield* Effect.forEach(request.images ?? [], (text, i) => {
    const field = `images.${i}`
    return Effect.map(imageOf(field, body.images[i], text), (bytes) => ({ field, bytes }))
  })
  return [first, ...further]
})

/** `POST /api/edit` */
export const edit = (options: RouteOptions) => (c: Context<Env>) =>
  Effect.gen(function*() {
    const headers = yield* submissionHeaders(c)
    const body = yield* readBody(c.req.raw)
    const request = yield* decodeFields(EditRequest, body.fields)
    const images = yield* imagesOf(body, request)
    return yield* submitAndAnswer(c, {
      ...headers,
      kind: "edit",
      prompt: request.prompt,
      parameters: {
        steps: request.steps,
        cfg: request.cfg,
        ...(request.seed === null ? {} : { seed: request.seed }),
        ...lorasOf(request)
      },
      images,
      priority: request.priority,
      clientId: request.client_id,
      model: request.model,
      warnings: unknownFieldWarnings(EditRequest.fields, body.fields)
    }, render, options)
  })
