import { Effect } from "effect"
import { createHash, randomInt } from "node:crypto"
import type { JobKind, JobParameters } from "../../contract/Job.ts"
import { misfitOf } from "../../contract/modelFit.ts"
import type { ModelManifest } from "../../contract/ModelManifest.ts"
import { decode } from "../../platform/images/decode.ts"
import { encodePng } from "../../platform/images/encode.ts"
import type { RawImage } from "../../platform/images/hardened.ts"
import type { Provenance } from "../../platform/images/provenance.ts"
import type { EngineImage, EngineResult, RunRequest } from "../engine/protocol.ts"
import { type OnStep, type Pipeline, PipelineError } from "./Pipeline.ts"

/** What all families have in common: hold the job to the manifest, decode the inputs, choose a seed, run, mark and encode the outputs. */

const seedMax = 2 ** 32

export const provenanceOf = (kind: JobKind, manifest: ModelManifest): Provenance => ({
  origin: kind === "edit" || kind === "image_to_image" ? "edited" : "generated",
  system: `Darkroom ${manifest.name}`,
  systemVersion: manifest.version
})

/** One sentence naming the parameters that were given and change nothing. */
export const unusedParameters = (parameters: JobParameters, manifest: ModelManifest): ReadonlyArray<string> => {
  const unused = Object.keys(parameters).filter((name) => !manifest.uses_parameters.includes(name))
  return unused.length === 0 ? [] : [`${manifest.name} does not use ${unused.join(", ")}; recorded, and without effect.`]
}

const decodeInput = (bytes: Uint8Array) =>
  decode(bytes).pipe(Effect.mapError((error) => new PipelineError({ class: "invalid_input", message: error.message })))

const finish = (image: RawImage, provenance: Provenance): Effect.Effect<EngineImage, PipelineError> =>
  encodePng(image, provenance).pipe(
    Effect.mapError((error) => new PipelineError({ class: "model_error", message: `the result could not be written as PNG: ${error.cause}` })),
    Effect.map((bytes) => ({
      bytes,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      media_type: "image/png" as const,
      width: image.width,
      height: image.height
    }))
  )

export const runPipeline = Effect.fn("pipelines.run")(function*(
  pipeline: Pipeline,
  manifest: ModelManifest,
  request: RunRequest,
  onStep: OnStep
): Effect.fn.Return<EngineResult, PipelineError> {
  const misfit = misfitOf(manifest, { kind: request.kind, images: request.inputs.length, parameters: request.parameters })
  if (misfit !== undefined) return yield* new PipelineError({ class: "invalid_input", message: `${misfit.field}: ${misfit.message}.` })
  const beganMs = performance.now()
  const inputs = yield* Effect.forEach(request.inputs, decodeInput)
  const seed = request.parameters.seed ?? randomInt(seedMax)
  const startedMs = performance.now()
  const result = yield* pipeline.run({ ...request, inputs, seed }, onStep).pipe(
    Effect.catchTag("OnnxError", (error) =>
      Effect.fail(new PipelineError({ class: error.isOutOfMemory ? "out_of_memory" : "model_error", message: error.message }))
    )
  )
  const modelMs = performance.now() - startedMs
  const images = yield* Effect.forEach(result.images, (image) => finish(image, provenanceOf(request.kind, manifest)))
  return {
    _tag: "Result",
    job_id: request.job_id,
    images,
    ...(result.text === undefined ? {} : { text: result.text }),
    ...(result.finish_reason === undefined ? {} : { finish_reason: result.finish_reason }),
    parameters: { ...request.parameters, ...result.parameters },
    warnings: [...unusedParameters(request.parameters, manifest), ...result.warnings],
    timings: { decode_ms: startedMs - beganMs, model_ms: modelMs, encode_ms: performance.now() - startedMs - modelMs }
  }
})
