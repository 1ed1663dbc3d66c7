import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Engine } from "../../src/gpu-agent/engine/Engine.ts"
import { ModelStore } from "../../src/gpu-agent/models/ModelStore.ts"

/** A model that is made for GPUs alone, in an engine that has none. */

const name = "tiny-qwen-image-edit"
const scratch = mkdtempSync(join(tmpdir(), "darkroom-force-cpu-"))
cpSync(fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url)), join(scratch, name), { recursive: true })
const manifestPath = join(scratch, name, "model.json")
const manifest = JSON.parse(readFileSync(manifestPath, "utf8"))
writeFileSync(manifestPath, JSON.stringify({ ...manifest, settings: { ...manifest.settings, cpu: "forced_only" } }))

const load = (forceCpu: boolean) =>
  Effect.gen(function*() {
    const engine = yield* Engine
    yield* engine.load(yield* Effect.orDie(ModelStore.use((store) => store.get(name))))
  }).pipe(
    Effect.provide(Layer.mergeAll(
      Engine.layer({
        device: "cpu",
        threads: 1,
        testModels: true,
        forceCpu,
        memoryMaxBytes: 1024 ** 3,
        gpuMemoryMaxBytes: 0,
        cancelHardStopMs: 1_500,
        setupTimeoutMs: 20_000,
        loadTimeoutMs: 20_000,
        unloadTimeoutMs: 10_000,
        restartsMax: 2,
        environment: process.env
      }),
      ModelStore.layer({ modelsDir: scratch, cacheDir: scratch })
    ))
  )

describe("a model made for GPUs alone", () => {
  it.live("is refused on the CPU, with the way out", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(load(false))
      assert.include(error.message, "takes minutes a step on a CPU")
      assert.include(error.message, "DARKROOM_FORCE_CPU=1")
    }))
  it.live("is loaded there when forced", () => load(true))
})
