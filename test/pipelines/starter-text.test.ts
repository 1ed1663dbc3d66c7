import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { ModelManifest } from "../../src/contract/ModelManifest.ts"
import { openSession } from "../../src/gpu-agent/onnx/session.ts"
import { loadCausalLm } from "../../src/gpu-agent/pipelines/causal-lm/causalLm.ts"
import type { PipelineContext } from "../../src/gpu-agent/pipelines/Pipeline.ts"

/** The text model that scripts/train-starter-text makes, through the pipeline of the large ones. */

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const model = (path: string) => at(`models/starter-text/${path}`)
const greedy: ReadonlyArray<{ readonly prompt: string; readonly text: string }> = JSON.parse(
  readFileSync(at("test/fixtures/golden/starter-text/greedy.json"), "utf8")
)
const manifest = Schema.decodeUnknownSync(ModelManifest)(JSON.parse(readFileSync(model("model.json"), "utf8")))
const { graphs } = manifest.variants[0]!

const load = loadCausalLm({
  manifest,
  openGraph: (role: string) => openSession(model(graphs[role]!), { provider: "cpu", threads: 1 }),
  hasGraph: (role: string) => graphs[role] !== undefined,
  readAsset: (role: string) => Effect.sync(() => readFileSync(model(manifest.assets![role]!))),
  memoryMaxBytes: manifest.variants[0]!.memory_bytes
} as unknown as PipelineContext)

const answer = Effect.fnUntraced(function*(prompt: string, seed: number, parameters: object) {
  const pipeline = yield* load
  return yield* pipeline.run({ kind: "text", prompt, inputs: [], seed, parameters }, () => Effect.void)
})

describe("starter-text", () => {
  it.effect("says what transformers says, token by token the likeliest", () =>
    Effect.gen(function*() {
      for (const { prompt, text } of greedy) {
        assert.strictEqual((yield* answer(prompt, 1, { temperature: 0, max_tokens: 200 })).text, text, prompt)
      }
    }).pipe(Effect.scoped))

  it.effect("comes to the end of a sentence in letters and marks of English, whatever the seed", () =>
    Effect.gen(function*() {
      for (const prompt of ["Tell me a funny joke", "What is machine learning?", "Hello"]) {
        for (const seed of [1, 2, 3]) {
          const { finish_reason, text } = yield* answer(prompt, seed, { max_tokens: 256 })
          assert.strictEqual(finish_reason, "stop", prompt)
          assert.match(text!, /^[A-Z"][A-Za-z0-9 ,.;:'"!?\n-]+[.!?"]$/, prompt)
        }
      }
    }).pipe(Effect.scoped))
})
