import { Effect, Schema } from "effect"
import type { Context } from "hono"
import type { JobParameters, JobRecord } from "../../contract/Job.ts"
import {
  FramesRequest, FramesResponse, ImageEditRequest, ImageRequest, ImageResponse, TextRequest, TextResponse
} from "../../contract/ModelsApi.ts"
import { decodeFields, readBody, unknownFieldWarnings } from "../admission/body.ts"
import { imageOf } from "../admission/image.ts"
import type { Env, HandlerError, Services } from "../http.ts"
import { jsonWithBase64 } from "../base64.ts"
import { outputsBase64 } from "../jobs.ts"
import { lorasOf, type Render, type RouteOptions, storedBytes, submissionHeaders, submitAndAnswer } from "./answer.ts"

/** The routes of the models service. */

const stepsAdvised = 20

const stepsWarning = (steps: number): ReadonlyArray<string> =>
  steps < stepsAdvised ? [`num_inference_steps is ${steps}; below ${stepsAdvised} the quality suffers`] : []

interface DiffusionRequest {
  readonly style: string | null
  readonly guidance_scale: number
  readonly seed: number | null
  readonly num_inference_steps: number
  readonly negative_prompt?: string | null
  readonly loras?: NonNullable<JobParameters["loras"]>
}

const diffusionParameters = (request: DiffusionRequest): JobParameters => ({
  steps: request.num_inference_steps,
  cfg: request.guidance_scale,
  ...(request.seed === null ? {} : { seed: request.seed }),
  ...(request.style === null ? {} : { style: request.style }),
  ...(typeof request.negative_prompt === "string" ? { negative_prompt: request.negative_prompt } : {}),
  ...lorasOf(request)
})

const common = { images: [], priority: 1, clientId: null } as const

const warningsOf = (record: JobRecord) => (record.warnings.length === 0 ? {} : { warnings: record.warnings })

/** Always in the answer itself, as the models API has it, also when the store has a public URL. */
const renderImage: Render = Effect.fnUntraced(function*(record: JobRecord) {
  const image = record.output?.images[0]
  const bytes = image === undefined ? new Uint8Array(0) : yield* storedBytes(record, image)
  const body = { image_base64: "", prompt: record.prompt, ...warningsOf(record) }
  return jsonWithBase64(yield* Effect.orDie(Schema.encodeEffect(ImageResponse)(body)), "image_base64", bytes)
})

const renderFrames: Render = Effect.fnUntraced(function*(record: JobRecord) {
  const frames = yield* outputsBase64(record)
  const body = { frames, prompt: record.prompt, ...warningsOf(record) }
  return JSON.stringify(yield* Effect.orDie(Schema.encodeEffect(FramesResponse)(body)))
})

const renderText: Render = (record) =>
  Schema.encodeEffect(TextResponse)({
    text: record.output?.text ?? "",
    prompt: record.prompt,
    finish_reason: record.output?.finish_reason ?? "stop"
  }).pipe(Effect.orDie, Effect.map((body) => JSON.stringify(body)))

type Route = (options: RouteOptions) => (c: Context<Env>) => Effect.Effect<Response, HandlerError, Services>

/** `POST /image/generate` */
export const imageGenerate: Route = (options) => (c) =>
  Effect.gen(function*() {
    const headers = yield* submissionHeaders(c)
    const { fields } = yield* readBody(c.req.raw)
    const request = yield* decodeFields(ImageRequest, fields)
    return yield* submitAndAnswer(c, {
      ...common,
      ...headers,
      kind: "text_to_image",
      prompt: request.prompt,
      parameters: { ...diffusionParameters(request), width: request.width, height: request.height },
      model: request.model,
      warnings: [...unknownFieldWarnings(ImageRequest.fields, fields), ...stepsWarning(request.num_inference_steps)]
    }, renderImage, options)
  })

/** `POST /image/edit` */
export const imageEdit: Route = (options) => (c) =>
  Effect.gen(function*() {
    const headers = yield* submissionHeaders(c)
    const { fields, image: sent } = yield* readBody(c.req.raw)
    const request = yield* decodeFields(ImageEditRequest, fields)
    const bytes = yield* imageOf("image_base64", sent, request.image_base64)
    return yield* submitAndAnswer(c, {
      ...common,
      ...headers,
      kind: "image_to_image",
      prompt: request.prompt,
      parameters: { ...diffusionParameters(request), strength: request.strength },
      images: [{ field: "image_base64", bytes }],
      model: request.model,
      warnings: [...unknownFieldWarnings(ImageEditRequest.fields, fields), ...stepsWarning(request.num_inference_steps)]
    }, renderImage, options)
  })

/** `POST /video/generate-frames` */
export const framesGenerate: Route = (options) => (c) =>
  Effect.gen(function*() {
    const headers = yield* submissionHeaders(c)
    const { fields } = yield* readBody(c.req.raw)
    const request = yield* decodeFields(FramesRequest, fields)
    return yield* submitAndAnswer(c, {
      ...common,
      ...headers,
      kind: "frames",
      prompt: request.prompt,
      parameters: { ...diffusionParameters(request), num_frames: request.num_frames },
      model: request.model,
      warnings: [...unknownFieldWarnings(FramesRequest.fields, fields), ...stepsWarning(request.num_inference_steps)]
    }, renderFrames, options)
  })

/** `POST /text/generate` */
export const textGenerate: Route = (options) => (c) =>
  Effect.gen(function*() {
    const headers = yield* submissionHeaders(c)
    const { fields } = yield* readBody(c.req.raw)
    const request = yield* decodeFields(TextRequest, fields)
    return yield* submitAndAnswer(c, {
      ...common,
      ...headers,
      kind: "text",
      prompt: request.prompt,
      parameters: {
        max_tokens: request.max_tokens,
        temperature: request.temperature,
        top_p: request.top_p,
        ...(request.seed === null ? {} : { seed: request.seed })
      },
      model: request.model,
      warnings: unknownFieldWarnings(TextRequest.fields, fields)
    }, renderText, options)
  })
