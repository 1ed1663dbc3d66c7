import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { ModelManifest } from "../../src/contract/ModelManifest.ts"
import { openSession } from "../../src/gpu-agent/onnx/session.ts"
import type { PipelineContext, PipelineRequest } from "../../src/gpu-agent/pipelines/Pipeline.ts"
import { loadSdxl } from "../../src/gpu-agent/pipelines/sdxl/sdxl.ts"
import type { RawImage } from "../../src/platform/images/hardened.ts"
import { difference, goldens } from "./fixtureModel.ts"

/** The picture model that scripts/train-starter-image makes, through the pipeline of the large one. */

const model = (path: string) => fileURLToPath(new URL(`../../models/starter-image/${path}`, import.meta.url))
const manifest = Schema.decodeUnknownSync(ModelManifest)(JSON.parse(readFileSync(model("model.json"), "utf8")))
const { graphs } = manifest.variants.find(({ execution_provider }) => execution_provider === "cpu")!
const golden = goldens("starter-image")
const { prompt, ...golds } = golden.json("case") as { prompt: string; seed: number; steps: number; cfg: number }

const load = loadSdxl({
  manifest,
  openGraph: (role: string) => openSession(model(graphs[role]!), { provider: "cpu", threads: 1 }),
  hasGraph: (role: string) => graphs[role] !== undefined,
  readAsset: (role: string) => Effect.sync(() => readFileSync(model(manifest.assets![role]!)))
} as unknown as PipelineContext)

const drawn = Effect.fnUntraced(function*(request: Partial<PipelineRequest>) {
  const pipeline = yield* load
  const { seed, steps, cfg } = golds
  const parameters = { steps, cfg, width: 160, height: 160, ...request.parameters }
  return yield* pipeline.run({ kind: "text_to_image", prompt, inputs: [], seed, ...request, parameters }, () => Effect.void)
})

/** Mean red, green, blue of the rows between two shares of the height. */
const meanOf = ({ data, height, width }: RawImage, from: number, to: number): ReadonlyArray<number> => {
  const sums = [0, 0, 0]
  const [first, last] = [Math.floor(from * height) * width, Math.floor(to * height) * width]
  for (let pixel = first; pixel < last; pixel++) for (let c = 0; c < 3; c++) sums[c]! += data[pixel * 3 + c]! / (last - first)
  return sums
}

describe("starter-image", () => {
  it.effect("draws what diffusers draws from the same weights and noise", () =>
    Effect.gen(function*() {
      const { images: [image] } = yield* drawn({})
      const { data, shape } = golden.array("picture")
      assert.deepStrictEqual([image!.height, image!.width, 3], shape)
      assert.isAtMost(difference(image!.data, data as Uint8Array), 2)
    }).pipe(Effect.scoped))

  it.effect("follows the time of day and the land, whatever the seed", () =>
    Effect.gen(function*() {
      for (const seed of [1, 2]) {
        const of = (words: string) => Effect.map(drawn({ prompt: words, seed }), ({ images }) => images[0]!)
        const night = yield* of("a boat on the sea at night")
        const [nightRed, , nightBlue] = meanOf(night, 0, 0.5)
        assert.isBelow(nightRed!, 80, "the sky at night is dark")
        assert.isBelow(nightRed!, nightBlue!)
        const sunset = yield* of("a house on a green hill at sunset")
        const [red, , blue] = meanOf(sunset, 0.3, 0.5)
        assert.isAbove(red!, blue! + 50, "the sky at sunset is warm")
        const [, green, meadowBlue] = meanOf(sunset, 0.9, 1)
        assert.isAbove(green!, meadowBlue! + 30, "a meadow is green")
      }
    }).pipe(Effect.scoped))
})
