import { type Effect, Schema, type Scope } from "effect"
import type { JobKind, JobOutput, JobParameters } from "../../contract/Job.ts"
import type { ModelManifest } from "../../contract/ModelManifest.ts"
import type { RawImage } from "../../platform/images/hardened.ts"
import type { ExecutionProvider } from "../onnx/device.ts"
import type { OnnxError, Session } from "../onnx/session.ts"

/** The model cannot do this job. `class` is what the job's record will say. */
export class PipelineError extends Schema.TaggedError<PipelineError>()("PipelineError", {
  class: Schema.Literals(["invalid_input", "model_error", "out_of_memory"]),
  message: Schema.String
}) {}

export interface PipelineRequest {
  readonly kind: JobKind
  readonly prompt: string
  readonly parameters: JobParameters
  /** Upright RGB. */
  readonly inputs: ReadonlyArray<RawImage>
  /** Given, or chosen at random when the caller gave none. */
  readonly seed: number
}

export interface PipelineResult {
  readonly images: ReadonlyArray<RawImage>
  readonly text?: string
  readonly finish_reason?: NonNullable<JobOutput["finish_reason"]>
  /** What differs from the parameters asked for. */
  readonly parameters: JobParameters
  readonly warnings: ReadonlyArray<string>
}

/**
 * Call it with 0 before the first step and after each: it reports, and is where a cancelled run ends. `text`: what a
 * language model has written so far, as a whole.
 */
export type OnStep = (step: number, steps: number, text?: string) => Effect.Effect<void>

/** A model in memory. */
export interface Pipeline {
  readonly run: (request: PipelineRequest, onStep: OnStep) => Effect.Effect<PipelineResult, PipelineError | OnnxError>
}

export interface AssetPart {
  readonly offset: number
  readonly bytes: number
}

/** What a family gets to load a model with. */
export interface PipelineContext {
  readonly manifest: ModelManifest
  /** Opens the graph that the chosen variant names for this role. */
  readonly openGraph: (role: string) => Effect.Effect<Session, PipelineError | OnnxError, Scope.Scope>
  /** Whether the chosen variant has a graph for this role. */
  readonly hasGraph: (role: string) => boolean
  /** The bytes of a file that the manifest names in `assets`. */
  readonly readAsset: (role: string) => Effect.Effect<Uint8Array, PipelineError>
  /** Pieces of such a file: a table may be larger than memory, and a job needs a few rows of it. */
  readonly readAssetParts: (role: string, parts: ReadonlyArray<AssetPart>) => Effect.Effect<ReadonlyArray<Uint8Array>, PipelineError>
  readonly executionProvider: ExecutionProvider
  /** Whether a model may run on the CPU that would take hours there. */
  readonly forceCpu: boolean
  readonly memoryMaxBytes: number
}

export type LoadPipeline = (context: PipelineContext) => Effect.Effect<Pipeline, PipelineError | OnnxError, Scope.Scope>
