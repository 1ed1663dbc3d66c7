import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Stream, SubscriptionRef, Tracer } from "effect"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import sharp from "sharp"
import type { JobKind, JobParameters } from "../../src/contract/Job.ts"
import { Engine } from "../../src/gpu-agent/engine/Engine.ts"
import type { EngineOptions } from "../../src/gpu-agent/engine/options.ts"
import type { RunSettings } from "../../src/gpu-agent/engine/exchange.ts"
import type { RunRequest } from "../../src/gpu-agent/engine/protocol.ts"
import { ModelStore } from "../../src/gpu-agent/models/ModelStore.ts"

const modelsDir = fileURLToPath(new URL("../fixtures/models", import.meta.url))

const options: EngineOptions = {
  device: "auto",
  threads: 1,
  testModels: true,
  memoryMaxBytes: 600 * 1024 ** 2,
  cancelHardStopMs: 1_500,
  setupTimeoutMs: 20_000,
  unloadTimeoutMs: 10_000,
  gpuMemoryMaxBytes: 80_000_000_000,
  loadTimeoutMs: 20_000,
  restartsMax: 5,
  environment: process.env
}

const engineLayer = (overrides: Partial<EngineOptions> = {}) =>
  Layer.mergeAll(
    Engine.layer({ ...options, ...overrides }),
    ModelStore.layer({ modelsDir, cacheDir: mkdtempSync(join(tmpdir(), "darkroom-cache-")) })
  )

let jobs = 0
const request = (prompt: string, more: { kind?: JobKind; parameters?: JobParameters; inputs?: ReadonlyArray<Uint8Array> } = {}): RunRequest => ({
  _tag: "Run",
  job_id: `job-${++jobs}`,
  model: "noop",
  kind: "edit",
  prompt,
  parameters: { seed: 7 },
  inputs: [],
  ...more
})

const settings: RunSettings = { timeoutMs: 20_000, onLoading: () => Effect.void, onStep: () => Effect.void }

const run = (what: RunRequest, overrides: Partial<RunSettings> = {}) =>
  Effect.gen(function*() {
    const engine = yield* Engine
    const store = yield* ModelStore
    return yield* engine.run(yield* Effect.orDie(store.get("noop")), what, { ...settings, ...overrides })
  })

/** Runs until the step is reported, then returns the running fiber. */
const runToStep = (what: RunRequest, step: number) =>
  Effect.gen(function*() {
    const reached = yield* SubscriptionRef.make(-1)
    const fiber = yield* Effect.forkChild(run(what, { onStep: (now) => SubscriptionRef.set(reached, now) }))
    yield* SubscriptionRef.changes(reached).pipe(Stream.filter((now) => now >= step), Stream.runHead)
    return fiber
  })

const photo = Effect.promise((): Promise<Uint8Array> =>
  sharp({ create: { width: 40, height: 20, channels: 3, background: "#4080c0" } }).png().toBuffer()
)

describe("a run", () => {
  it.live("reports each step and gives a marked picture, the same bytes for the same seed", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const what = request("steps=3", { inputs: [yield* photo], parameters: { seed: 9, cfg: 1 } })
      const result = yield* run(what, { onStep: (step, of) => Effect.sync(() => { seen.push(`${step}/${of}`) }) })
      assert.deepStrictEqual(seen, ["0/3", "1/3", "2/3", "3/3"])
      assert.strictEqual(result.images.length, 1)
      assert.deepInclude(result.images[0], { width: 40, height: 20, media_type: "image/png" })
      assert.deepStrictEqual(result.parameters, { seed: 9, cfg: 1, steps: 3 })
      assert.deepStrictEqual(result.warnings, ["noop does not use cfg; recorded, and without effect."])
      const { xmpAsString } = yield* Effect.promise(() => sharp(result.images[0]!.bytes).metadata())
      assert.include(xmpAsString ?? "", "compositeWithTrainedAlgorithmicMedia")
      const again = yield* run({ ...what, job_id: "again" })
      assert.strictEqual(again.images[0]!.sha256, result.images[0]!.sha256)
      const other = yield* run({ ...what, job_id: "other", parameters: { seed: 10 } })
      assert.notStrictEqual(other.images[0]!.sha256, result.images[0]!.sha256)
    }).pipe(Effect.provide(engineLayer())))

  it.live("is one span, with one for each step under it", () =>
    Effect.gen(function*() {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      yield* run(request("steps=2 size=4x4")).pipe(Effect.provideService(Tracer.Tracer, tracer))
      const parent = spans.find(({ name }) => name === "engine.run")
      const steps = spans.filter(({ name }) => name === "engine.step")
      assert.deepStrictEqual(steps.map((span) => [span.attributes.get("step"), span.attributes.get("steps")]), [[1, 2], [2, 2]])
      for (const span of steps) assert.strictEqual(Option.getOrThrow(span.parent).spanId, parent?.spanId)
    }).pipe(Effect.provide(engineLayer())))

  it.live("serves every kind; a seed that was not given is chosen and told", () =>
    Effect.gen(function*() {
      const frames = yield* run(request("steps=1 size=8x6", { kind: "frames", parameters: { num_frames: 3 } }))
      assert.strictEqual(new Set(frames.images.map((image) => image.sha256)).size, 3)
      assert.isNumber(frames.parameters.seed)
      const text = yield* run(request("steps=1 hello", { kind: "text" }))
      assert.deepStrictEqual(text.images, [])
      assert.include(text.text ?? "", "hello")
      const made = yield* run(request("steps=1", { kind: "text_to_image", parameters: { seed: 1, width: 16, height: 8 } }))
      assert.deepInclude(made.images[0], { width: 16, height: 8 })
    }).pipe(Effect.provide(engineLayer())))

  it.live("fails with the class that the model gives, and the engine goes on", () =>
    Effect.gen(function*() {
      const failed = yield* Effect.flip(run(request("steps=3 fail_at=2")))
      assert.deepInclude(failed, { _tag: "RunFailed", class: "model_error" })
      const invalid = yield* Effect.flip(run(request("steps=3", { inputs: [new Uint8Array([1, 2, 3])] })))
      assert.deepInclude(invalid, { _tag: "RunFailed", class: "invalid_input" })
      assert.strictEqual((yield* run(request("steps=1 size=4x4"))).images.length, 1)
    }).pipe(Effect.provide(engineLayer())))
})

describe("the engine process", () => {
  it.live("crash at a step: the run fails, the next one gets a new process", () =>
    Effect.gen(function*() {
      const crashed = yield* Effect.flip(run(request("steps=4 crash_at=3")))
      assert.strictEqual(crashed._tag, "EngineCrashed")
      assert.include(crashed.message, "SIGSEGV")
      assert.include(crashed.message, "step 3 of 4")
      assert.strictEqual((yield* run(request("steps=1 size=4x4"))).images.length, 1)
    }).pipe(Effect.provide(engineLayer())))

  it.live("hang at a step: killed at the job's timeout", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(request("steps=4 hang_at=2"), { timeoutMs: 300 }))
      assert.strictEqual(error._tag, "EngineTimeout")
      assert.strictEqual((yield* run(request("steps=1 size=4x4"))).images.length, 1)
    }).pipe(Effect.provide(engineLayer())))

  it.live("rule 23: memory beyond the limit kills the engine alone", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(request("steps=4 oom_at=2")))
      assert.strictEqual(error._tag, "EngineOutOfMemory")
      assert.strictEqual((yield* run(request("steps=1 size=4x4"))).images.length, 1)
    }).pipe(Effect.provide(engineLayer({ memoryMaxBytes: 300 * 1024 ** 2 }))))

  it.live("an allocation that ONNX Runtime cannot make fails the run as out_of_memory, and the process stays", () =>
    Effect.gen(function*() {
      const engine = yield* Engine
      const steps: Array<number> = []
      const prompt = request("steps=4 alloc_fails_at=3")
      const error = yield* Effect.flip(run(prompt, { onStep: (step) => Effect.sync(() => void steps.push(step)) }))
      assert.deepInclude(error, { _tag: "RunFailed", class: "out_of_memory" })
      assert.deepStrictEqual(steps, [0, 1, 2])
      const before = yield* SubscriptionRef.get(engine.status)
      assert.strictEqual((yield* run(request("steps=3 size=4x4"))).images.length, 1)
      assert.deepStrictEqual(yield* SubscriptionRef.get(engine.status), before)
    }).pipe(Effect.provide(engineLayer())))

  it.live("cancel between steps leaves the process and its models", () =>
    Effect.gen(function*() {
      const engine = yield* Engine
      const fiber = yield* runToStep(request("steps=1000 ms=20"), 2)
      const before = yield* SubscriptionRef.get(engine.status)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* SubscriptionRef.get(engine.status), before)
      assert.strictEqual((yield* run(request("steps=1 size=4x4"))).images.length, 1)
      assert.deepStrictEqual(yield* SubscriptionRef.get(engine.status), before)
    }).pipe(Effect.provide(engineLayer())))

  it.live("cancel of a run that hears nothing kills its process", () =>
    Effect.gen(function*() {
      const fiber = yield* runToStep(request("steps=4 hang_at=3"), 2)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* run(request("steps=1 size=4x4"))).images.length, 1)
    }).pipe(Effect.provide(engineLayer({ cancelHardStopMs: 200 }))))

  it.live("a test model is refused without --test-models", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(request("steps=1")))
      assert.deepInclude(error, { _tag: "RunFailed", class: "model_error" })
      assert.include(error.message, "--test-models")
    }).pipe(Effect.provide(engineLayer({ testModels: false }))))

  it.live("CUDA asked for where there is none: set-up fails and says how to fix it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(request("steps=1")))
      assert.strictEqual(error._tag, "EngineUnavailable")
      assert.include(error.message, "DARKROOM_DEVICE=cpu")
    }).pipe(Effect.provide(engineLayer({ device: "cuda", environment: { ...process.env, CUDA_VISIBLE_DEVICES: "-1" } }))))

  it.live("gives up after too many ends in a row", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(request("steps=1")))
      assert.strictEqual(error._tag, "EngineUnavailable")
      assert.include(error.message, "in a row")
    }).pipe(Effect.provide(engineLayer({ memoryMaxBytes: 2 * 1024 ** 2, restartsMax: 1 }))))
})
