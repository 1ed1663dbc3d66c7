import { Effect } from "effect"
import type { JobKind, JobParameters } from "../../../src/contract/Job.ts"
import { noFaults } from "../../../src/gpu-agent/engine/faults.ts"
import { loadModel } from "../../../src/gpu-agent/engine/load.ts"
import { ModelStore } from "../../../src/gpu-agent/models/ModelStore.ts"

/** Opens models of MODELS_DIR as an agent does and lets each do one job: `node run.ts MODEL...`. Fails when one of them cannot. */

const settings = { provider: "cpu", threads: 1, testModels: false, memoryMaxBytes: 2 ** 32, forceCpu: true, faults: noFaults } as const

const jobs: Readonly<Record<string, { readonly kind: JobKind; readonly parameters: JobParameters }>> = {
  sdxl: { kind: "text_to_image", parameters: { steps: 2, width: 64, height: 64 } },
  "causal-lm": { kind: "text", parameters: { max_tokens: 8 } },
  "qwen-image-edit": { kind: "edit", parameters: { steps: 4 } }
}

const photo = { data: new Uint8Array(64 * 64 * 3).map((_, index) => index % 251), width: 64, height: 64 }

const runOne = Effect.fnUntraced(function*(name: string) {
  const { folder, manifest } = yield* (yield* ModelStore).get(name)
  const pipeline = yield* loadModel(folder, manifest, settings, () => Effect.void)
  const job = jobs[manifest.family]!
  const inputs = job.kind === "edit" ? [photo] : []
  const { images, text } = yield* pipeline.run({ ...job, prompt: "make the hat green", inputs, seed: 1 }, () => Effect.void)
  const made = text === undefined ? images.map((image) => `${image.width} x ${image.height}`).join(", ") : JSON.stringify(text)
  console.log(`ok    ${name} (${manifest.family}) ran: ${made}`)
})

const store = ModelStore.layer({ modelsDir: process.env["MODELS_DIR"]!, cacheDir: `${process.env["XDG_CACHE_HOME"]!}/darkroom` })
await Effect.runPromise(Effect.forEach(process.argv.slice(2), runOne).pipe(Effect.scoped, Effect.provide(store)))
