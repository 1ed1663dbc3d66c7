import type { JobKind } from "./Job.ts"
import type { ModelVariant, PipelineFamily } from "./ModelManifest.ts"

/** The published models that `darkroom models add NAME` knows. Plain data: the gateway names them in its refusals. */

type Precision = ModelVariant["precision"]

/** What all models of a family have in common; the start of a manifest. */
export interface FamilyTraits {
  readonly kinds: ReadonlyArray<JobKind>
  readonly images_max?: number
  readonly uses_parameters: ReadonlyArray<string>
  readonly load_time_ms: number
  readonly timeout_s: number
  /** What it can be exported in; the first when nothing is said. */
  readonly precisions: readonly [Precision, ...Array<Precision>]
  /** Whether jobs may choose the weight of adapters. */
  readonly takesAdapters: boolean
}

export const exportableFamilies: Readonly<Partial<Record<PipelineFamily, FamilyTraits>>> = {
  "qwen-image-edit": {
    kinds: ["edit", "image_to_image"],
    images_max: 3,
    uses_parameters: ["steps", "cfg", "seed", "negative_prompt", "loras"],
    load_time_ms: 120_000,
    timeout_s: 300,
    precisions: ["bf16", "fp32"],
    takesAdapters: true
  },
  sdxl: {
    kinds: ["text_to_image", "image_to_image", "frames"],
    uses_parameters: ["steps", "cfg", "seed", "negative_prompt", "style", "strength", "width", "height", "num_frames", "loras"],
    load_time_ms: 30_000,
    timeout_s: 300,
    precisions: ["fp16", "fp32", "int8"],
    takesAdapters: true
  },
  "causal-lm": {
    kinds: ["text"],
    uses_parameters: ["max_tokens", "temperature", "top_p", "seed"],
    load_time_ms: 60_000,
    timeout_s: 300,
    precisions: ["fp16", "fp32", "int4"],
    takesAdapters: false
  }
}

/** One repository on Hugging Face. `role`: `model`, or the name of the exporter's option that takes it. */
export interface KnownSource {
  readonly role: string
  readonly repository: string
  readonly revision: string
  /** What to fetch of it; one `file` alone is handed over as a file, else the folder. */
  readonly patterns?: ReadonlyArray<string>
  readonly file?: string
}

export interface KnownModel {
  readonly name: string
  readonly family: PipelineFamily
  readonly version: string
  readonly description: string
  readonly license: { readonly id: string; readonly url: string }
  readonly sources: ReadonlyArray<KnownSource>
  /** Options of the family's exporter. */
  readonly options?: Readonly<Record<string, unknown>>
  /**
   * Estimates from published sizes, for the checks before the download; what really arrives is checked again. `export` is
   * what is written, `memory` what the exporter holds at its worst.
   */
  readonly estimate: { readonly download_bytes: number; readonly export_bytes: number; readonly memory_bytes: number }
}

const hub = "https://huggingface.co"
const GB = 1e9

export const knownModels: ReadonlyArray<KnownModel> = [
  {
    name: "firered-image-edit-1.1",
    family: "qwen-image-edit",
    version: "1.1",
    description: "Edits one to three photos by a sentence, in eight steps by its Lightning adapter.",
    license: { id: "Apache-2.0", url: `${hub}/FireRedTeam/FireRed-Image-Edit-1.1` },
    sources: [
      {
        role: "model",
        repository: "FireRedTeam/FireRed-Image-Edit-1.1",
        revision: "main",
        patterns: ["*.json", "*/*.json", "*/*.txt", "*/*.jinja", "transformer/*.safetensors", "text_encoder/*.safetensors", "vae/*.safetensors"]
      },
      {
        role: "fused_lora",
        repository: "FireRedTeam/FireRed-Image-Edit-1.0-Lightning",
        revision: "main",
        file: "FireRed-Image-Edit-1.0-Lightning-8steps-v1.0.safetensors"
      }
    ],
    options: { schedule: "lightning", precomputed_modulation: true },
    // 57.7 GB of weights and an adapter; bf16 with modulation precomputed: 27.3 + 15.5 + 0.3.
    estimate: { download_bytes: 60 * GB, export_bytes: 44 * GB, memory_bytes: 64 * GB }
  },
  {
    name: "sdxl-base-1.0",
    family: "sdxl",
    version: "1.0",
    description: "Draws pictures of about a megapixel from a sentence, alone, from a photo, or as frames that belong together.",
    license: { id: "CreativeML Open RAIL++-M", url: `${hub}/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md` },
    sources: [
      {
        role: "model",
        repository: "stabilityai/stable-diffusion-xl-base-1.0",
        revision: "main",
        patterns: [
          "model_index.json", "scheduler/*", "tokenizer/*", "tokenizer_2/*", "text_encoder/config.json", "text_encoder/model.fp16.safetensors",
          "text_encoder_2/config.json", "text_encoder_2/model.fp16.safetensors", "unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors"
        ]
      },
      // The original one overflows in fp16. MIT.
      { role: "vae", repository: "madebyollin/sdxl-vae-fp16-fix", revision: "main", patterns: ["config.json", "diffusion_pytorch_model.safetensors"] }
    ],
    estimate: { download_bytes: 7.3 * GB, export_bytes: 7 * GB, memory_bytes: 32 * GB }
  },
  {
    name: "mistral-7b-instruct-v0.1",
    family: "causal-lm",
    version: "0.1",
    description: "Answers in words.",
    license: { id: "Apache-2.0", url: `${hub}/mistralai/Mistral-7B-Instruct-v0.1` },
    sources: [
      {
        role: "model",
        repository: "mistralai/Mistral-7B-Instruct-v0.1",
        revision: "main",
        patterns: ["config.json", "generation_config.json", "model*.safetensors", "model.safetensors.index.json", "tokenizer*", "chat_template.jinja"]
      }
    ],
    // The exporter has one weight in memory at a time.
    estimate: { download_bytes: 14.6 * GB, export_bytes: 14.6 * GB, memory_bytes: 6 * GB }
  }
]

export const knownModel = (name: string): KnownModel | undefined => knownModels.find((model) => model.name === name)

/** The first one that can do this kind of job. */
export const knownModelFor = (kind: JobKind): KnownModel | undefined =>
  knownModels.find((model) => exportableFamilies[model.family]?.kinds.includes(kind) === true)
