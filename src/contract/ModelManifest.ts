import { Schema } from "effect"
import { JobKind, Sha256 } from "./Job.ts"

export const PipelineFamily = Schema.Literals(["starter", "noop", "qwen-image-edit", "sdxl", "causal-lm"])
export type PipelineFamily = typeof PipelineFamily.Type

const RelativePath = Schema.String.check(
  Schema.isPattern(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[\w./-]+$/, { expected: "a path inside the model's folder" })
)

export const ModelFile = Schema.Struct({ path: RelativePath, sha256: Sha256, bytes: Schema.Int })
export type ModelFile = typeof ModelFile.Type

/** One way to run the model: which graphs, on which execution provider, in which precision. */
export const ModelVariant = Schema.Struct({
  execution_provider: Schema.Literals(["cuda", "cpu"]),
  precision: Schema.Literals(["fp32", "fp16", "bf16", "int8", "int4"]),
  /** Role (as the family names it) → file of `files`. */
  graphs: Schema.Record(Schema.String, RelativePath),
  memory_bytes: Schema.Int
})
export type ModelVariant = typeof ModelVariant.Type

/** `models/<name>/model.json` */
export const ModelManifest = Schema.Struct({
  manifest_version: Schema.Literal(1),
  name: Schema.String.check(Schema.isPattern(/^[a-z0-9][a-z0-9.-]{0,62}$/, { expected: "lower-case letters, digits, . and -" })),
  version: Schema.String,
  description: Schema.String,
  family: PipelineFamily,
  license: Schema.String,
  kinds: Schema.Array(JobKind),
  files: Schema.Array(ModelFile),
  variants: Schema.Array(ModelVariant),
  /** Parameters that change the result; the others are accepted, recorded and named in the job's warnings. */
  uses_parameters: Schema.Array(Schema.String),
  load_time_ms: Schema.Int,
  timeout_s: Schema.Finite,
  /** What only the family's pipeline understands. */
  settings: Schema.Record(Schema.String, Schema.Unknown)
})
export type ModelManifest = typeof ModelManifest.Type
