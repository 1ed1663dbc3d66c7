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
  /** Operators that may run on the CPU though the provider is another; any other node there keeps the model from being loaded. */
  cpu_operators: Schema.optionalKey(Schema.Array(Schema.String)),
  /** What the variant needs while it runs: weights, activations and caches of its largest job, on the GPU or in the engine's memory. */
  memory_bytes: Schema.Int
})
export type ModelVariant = typeof ModelVariant.Type

/** An adapter that a job may ask for by name, with a weight in this range; the graphs take it as the input `lora_<name>`. */
export const ModelLora = Schema.Struct({
  name: Schema.String.check(Schema.isPattern(/^[a-z0-9][a-z0-9_]{0,62}$/, { expected: "lower-case letters, digits and _" })),
  weight_min: Schema.Finite,
  weight_max: Schema.Finite,
  sha256: Sha256
})
export type ModelLora = typeof ModelLora.Type

/** Where weights came from: a repository at a commit, or the name of a folder or file that somebody had. */
export const ModelOrigin = Schema.Struct({
  /** `model`, or what else the export took: a VAE, an adapter. */
  role: Schema.String,
  from: Schema.String,
  revision: Schema.optionalKey(Schema.String),
  /** Of a single file. */
  sha256: Schema.optionalKey(Sha256)
})
export type ModelOrigin = typeof ModelOrigin.Type

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
  /** Role (as the family names it) → file of `files` that is not a graph: tokenizers, tables. */
  assets: Schema.optionalKey(Schema.Record(Schema.String, RelativePath)),
  loras: Schema.optionalKey(Schema.Array(ModelLora)),
  /** Input pictures of one job; 1 when absent. */
  images_max: Schema.optionalKey(Schema.Int),
  /** Parameters that change the result; the others are accepted, recorded and named in the job's warnings. */
  uses_parameters: Schema.Array(Schema.String),
  load_time_ms: Schema.Int,
  timeout_s: Schema.Finite,
  sources: Schema.optionalKey(Schema.Array(ModelOrigin)),
  /** What only the family's pipeline understands. */
  settings: Schema.Record(Schema.String, Schema.Unknown)
})
export type ModelManifest = typeof ModelManifest.Type
