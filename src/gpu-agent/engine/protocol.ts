import { Schema } from "effect"
import { ModelLoading } from "../../contract/AgentMessages.ts"
import { ErrorClass } from "../../contract/ErrorClass.ts"
import { JobKind, JobOutput, JobParameters, Sha256 } from "../../contract/Job.ts"
import { ModelManifest } from "../../contract/ModelManifest.ts"
import { Device } from "../onnx/device.ts"

/**
 * What the agent and its engine process say to each other, over Node's IPC channel with structured clones (bytes stay
 * bytes). The engine does one thing at a time; a `Cancel` takes effect between two steps.
 */

export const EngineRequest = Schema.Union([
  /** First and once. Answered by `Ready` or `SetupFailed`. */
  Schema.TaggedStruct("Init", {
    device: Device,
    threads: Schema.Int,
    /** Whether the family `noop` may be loaded. */
    test_models: Schema.Boolean,
    /** Whether models that are made for GPUs alone may be loaded on the CPU. */
    force_cpu: Schema.Boolean,
    memory_max_bytes: Schema.Int
  }),
  /** Answered by any number of `Loading` and then one of `Loaded`, `LoadFailed`. */
  Schema.TaggedStruct("Load", { folder: Schema.String, manifest: ModelManifest }),
  /** Releases the model's sessions. Answered by `Unloaded`, also when it was not in memory. */
  Schema.TaggedStruct("Unload", { model: Schema.String }),
  /** Answered by any number of `Step` and then one of `Result`, `Failed`, `Cancelled`. */
  Schema.TaggedStruct("Run", {
    job_id: Schema.String,
    model: Schema.String,
    kind: JobKind,
    prompt: Schema.String,
    parameters: JobParameters,
    /** Encoded pictures, as the client sent them. */
    inputs: Schema.Array(Schema.Uint8Array)
  }),
  Schema.TaggedStruct("Cancel", { job_id: Schema.String })
])
export type EngineRequest = typeof EngineRequest.Type
export type RunRequest = Extract<EngineRequest, { readonly _tag: "Run" }>

/** A finished picture: encoded, marked, hashed. */
export const EngineImage = Schema.Struct({
  bytes: Schema.Uint8Array,
  sha256: Sha256,
  media_type: Schema.Literal("image/png"),
  width: Schema.Int,
  height: Schema.Int
})
export type EngineImage = typeof EngineImage.Type

/** Milliseconds of each part of a run. */
export const EngineTimings = Schema.Struct({ decode_ms: Schema.Finite, model_ms: Schema.Finite, encode_ms: Schema.Finite })
export type EngineTimings = typeof EngineTimings.Type

export const EngineReport = Schema.Union([
  Schema.TaggedStruct("Ready", {
    execution_provider: Schema.Literals(["cuda", "cpu"]),
    warnings: Schema.Array(Schema.String)
  }),
  Schema.TaggedStruct("SetupFailed", { message: Schema.String }),
  Schema.TaggedStruct("Loading", ModelLoading.fields),
  Schema.TaggedStruct("Loaded", { model: Schema.String, load_ms: Schema.Finite }),
  Schema.TaggedStruct("LoadFailed", { model: Schema.String, class: ErrorClass, message: Schema.String }),
  Schema.TaggedStruct("Unloaded", { model: Schema.String }),
  /** Steps done, 0..steps; `text`: what a language model has written so far. */
  Schema.TaggedStruct("Step", {
    job_id: Schema.String,
    step: Schema.Int,
    steps: Schema.Int,
    text: Schema.optionalKey(Schema.String)
  }),
  Schema.TaggedStruct("Result", {
    job_id: Schema.String,
    images: Schema.Array(EngineImage),
    text: Schema.optionalKey(Schema.String),
    finish_reason: JobOutput.fields.finish_reason,
    /** As they were used: a random seed is filled in. */
    parameters: JobParameters,
    warnings: Schema.Array(Schema.String),
    timings: EngineTimings
  }),
  Schema.TaggedStruct("Failed", { job_id: Schema.String, class: ErrorClass, message: Schema.String }),
  Schema.TaggedStruct("Cancelled", { job_id: Schema.String })
])
export type EngineReport = typeof EngineReport.Type
export type EngineResult = Extract<EngineReport, { readonly _tag: "Result" }>
