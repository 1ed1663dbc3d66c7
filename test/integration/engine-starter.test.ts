import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import sharp from "sharp"
import type { JobParameters } from "../../src/contract/Job.ts"
import { imageMaxPixels } from "../../src/contract/limits.ts"
import { Engine } from "../../src/gpu-agent/engine/Engine.ts"
import { ModelStore } from "../../src/gpu-agent/models/ModelStore.ts"

/** The model that ships with Darkroom, through the engine, on the photo that ships with it. */

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const photo = readFileSync(path("examples/astronaut.png"))

/** 2 GiB for the agent, less what its parent process takes. */
const memoryMaxBytes = 2 * 1024 ** 3 - 256 * 1024 ** 2

const engine = Layer.mergeAll(
  Engine.layer({
    device: "cpu",
    threads: 2,
    testModels: false,
    memoryMaxBytes,
    cancelHardStopMs: 1_500,
    setupTimeoutMs: 20_000,
    unloadTimeoutMs: 10_000,
    gpuMemoryMaxBytes: 80_000_000_000,
    loadTimeoutMs: 20_000,
    restartsMax: 1,
    environment: process.env
  }),
  ModelStore.layer({ modelsDir: path("models"), cacheDir: mkdtempSync(join(tmpdir(), "darkroom-cache-")) })
)

let runs = 0
const edit = Effect.fnUntraced(function*(prompt: string, input: Uint8Array = photo, parameters: JobParameters = { seed: 0 }) {
  const service = yield* Engine
  const model = yield* Effect.orDie(ModelStore.use((store) => store.get("starter")))
  return yield* service.run(
    model,
    { _tag: "Run", job_id: `job-${++runs}`, model: "starter", kind: "edit", prompt, parameters, inputs: [input] },
    { timeoutMs: 60_000, onLoading: () => Effect.void, onStep: () => Effect.void }
  )
})

const pixels = (bytes: Uint8Array) => Effect.promise(() => sharp(bytes).removeAlpha().raw().toBuffer())

const meanOf = (data: Uint8Array, channel: number) => {
  let sum = 0
  for (let i = channel; i < data.length; i += 3) sum += data[i]!
  return sum / (data.length / 3)
}

describe("the starter", () => {
  it.live("does what the sentence says, at the photo's size, without a warning about it", () =>
    Effect.gen(function*() {
      const before = yield* pixels(photo)
      const result = yield* edit("make it warmer")
      const after = yield* pixels(result.images[0]!.bytes)
      assert.strictEqual(after.length, before.length)
      const shift = (channel: number) => meanOf(after, channel) - meanOf(before, channel)
      assert.isAbove(shift(0) - shift(2), 5, "redder and less blue")
      assert.deepStrictEqual(result.warnings, [])
      const { xmpAsString } = yield* Effect.promise(() => sharp(result.images[0]!.bytes).metadata())
      assert.include(xmpAsString ?? "", "compositeWithTrainedAlgorithmicMedia")
    }).pipe(Effect.provide(engine)), 60_000)

  it.live("leaves the photo alone, bit for bit, when asked for what it does not know, and says so", () =>
    Effect.gen(function*() {
      const result = yield* edit("add a hat")
      assert.deepStrictEqual(yield* pixels(result.images[0]!.bytes), yield* pixels(photo))
      assert.strictEqual(result.warnings.length, 1)
      assert.include(result.warnings[0], "the photo is unchanged. It knows: ")
    }).pipe(Effect.provide(engine)), 60_000)

  it.live("gives the same bytes for the same seed, and names the parameters that it does not use", () =>
    Effect.gen(function*() {
      const parameters = { seed: 5, steps: 6, cfg: 1 }
      const first = yield* edit("vintage look with grain", photo, parameters)
      const again = yield* edit("vintage look with grain", photo, parameters)
      assert.strictEqual(again.images[0]!.sha256, first.images[0]!.sha256)
      assert.deepStrictEqual(first.parameters, parameters)
      assert.include(first.warnings[0], "does not use steps, cfg")
    }).pipe(Effect.provide(engine)), 60_000)

  it.live("edits 25 megapixels within 2 GiB, and a single pixel", () =>
    Effect.gen(function*() {
      const side = Math.sqrt(imageMaxPixels)
      const large = yield* Effect.promise(() => sharp(photo).resize(side, side).jpeg().toBuffer())
      const result = yield* edit("make it brighter", large)
      assert.deepInclude(result.images[0], { width: side, height: side })
      const pixel = yield* Effect.promise(() => sharp(photo).resize(1, 1).png().toBuffer())
      assert.deepInclude((yield* edit("make it brighter", pixel)).images[0], { width: 1, height: 1 })
    }).pipe(Effect.provide(engine)), 120_000)
})
