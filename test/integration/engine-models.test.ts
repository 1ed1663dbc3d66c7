import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream, SubscriptionRef } from "effect"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ModelLoading } from "../../src/contract/AgentMessages.ts"
import { Engine } from "../../src/gpu-agent/engine/Engine.ts"
import type { EngineOptions } from "../../src/gpu-agent/engine/options.ts"
import { noFaults } from "../../src/gpu-agent/engine/faults.ts"
import { makeModels } from "../../src/gpu-agent/engine/models.ts"
import { ModelStore } from "../../src/gpu-agent/models/ModelStore.ts"
import { runPipeline } from "../../src/gpu-agent/pipelines/run.ts"
import { writeNoopModels } from "../../src/testing/noopModels.ts"

/** Several models in one engine process: real sessions, and memory by the manifests' word. */

const mib = 1024 ** 2
const scratch = mkdtempSync(join(tmpdir(), "darkroom-engine-models-"))
const modelsDir = writeNoopModels(scratch, {
  edit: { memoryBytes: 300 * mib },
  picture: { memoryBytes: 200 * mib },
  text: { memoryBytes: 250 * mib },
  huge: { memoryBytes: 1200 * mib }
})

const layer = (overrides: Partial<EngineOptions> = {}) =>
  Layer.mergeAll(
    Engine.layer({
      device: "cpu",
      threads: 1,
      testModels: true,
      memoryMaxBytes: 600 * mib,
      gpuMemoryMaxBytes: 0,
      cancelHardStopMs: 1_500,
      setupTimeoutMs: 20_000,
      loadTimeoutMs: 20_000,
      unloadTimeoutMs: 10_000,
      restartsMax: 2,
      environment: process.env,
      ...overrides
    }),
    ModelStore.layer({ modelsDir, cacheDir: scratch })
  )

const stored = (name: string) => Effect.orDie(ModelStore.use((store) => store.get(name)))

let jobs = 0
const runOf = (model: string, prompt = "steps=1 size=4x4") =>
  ({ _tag: "Run", job_id: `job-${++jobs}`, model, kind: "edit", prompt, parameters: { seed: 7 }, inputs: [] }) as const

const run = Effect.fnUntraced(function*(model: string, prompt?: string, onStep: (step: number) => void = () => {}) {
  const loading: Array<ModelLoading> = []
  const engine = yield* Engine
  const onLoading = (progress: ModelLoading) => Effect.sync(() => void loading.push(progress))
  yield* engine.run(yield* stored(model), runOf(model, prompt), { timeoutMs: 20_000, onLoading, onStep: (step) => Effect.sync(() => onStep(step)) })
  return loading
})

const inMemory = Effect.gen(function*() {
  return (yield* SubscriptionRef.get((yield* Engine).status)).loaded
})

/** Whether another process was started meanwhile. */
const restarted = Effect.fnUntraced(function*<A, E, R>(during: Effect.Effect<A, E, R>) {
  const { status } = yield* Engine
  let starts = 0
  const watching = yield* SubscriptionRef.changes(status).pipe(
    Stream.runForEach(({ phase }) => Effect.sync(() => void (starts += phase === "starting" ? 1 : 0))),
    Effect.forkChild({ startImmediately: true })
  )
  yield* during
  yield* Fiber.interrupt(watching)
  return starts > 0
})

describe("several models in one engine", () => {
  it.live("stay in memory while they fit; the one used longest ago makes room, in the same process", () =>
    Effect.gen(function*() {
      yield* run("edit")
      yield* run("picture")
      assert.deepStrictEqual(yield* inMemory, ["edit", "picture"])
      yield* run("edit")
      const again = yield* restarted(Effect.gen(function*() {
        yield* run("text")
        assert.deepStrictEqual(yield* inMemory, ["edit", "text"])
        yield* run("picture")
        assert.deepStrictEqual(yield* inMemory, ["text", "picture"])
      }))
      assert.isFalse(again)
    }).pipe(Effect.provide(layer())))

  it.live("one that cannot be unloaded in time takes the process with it, and the job runs all the same", () =>
    Effect.gen(function*() {
      yield* run("edit")
      yield* run("picture")
      assert.isTrue(yield* restarted(run("text")))
      assert.deepStrictEqual(yield* inMemory, ["text"])
    }).pipe(Effect.provide(layer({ unloadTimeoutMs: 0 }))))

  it.live("one that needs more than there is is refused with both figures; the others stay", () =>
    Effect.gen(function*() {
      yield* run("picture")
      const error = yield* Effect.flip(run("huge"))
      assert.deepInclude(error, { _tag: "RunFailed", class: "model_error" })
      assert.include(error.message, "needs 1.3 GB on cpu")
      assert.include(error.message, "may use 0.6 GB (ENGINE_MEMORY_MAX_BYTES)")
      assert.deepStrictEqual(yield* inMemory, ["picture"])
    }).pipe(Effect.provide(layer())))

  /** Why the run of `edit` failed, and the steps that were told. */
  const failing = Effect.fnUntraced(function*(prompt: string) {
    const steps: Array<number> = []
    const error = yield* Effect.flip(run("edit", prompt, (step) => steps.push(step)))
    return [error._tag === "RunFailed" ? error.class : error._tag, steps]
  })

  it.live("a run that has not enough memory beside others is tried once more alone, and only then", () =>
    Effect.gen(function*() {
      yield* run("picture")
      yield* run("edit")
      assert.deepStrictEqual(yield* failing("steps=3 alloc_fails_at=2"), ["out_of_memory", [0, 1, 0, 1]])
      assert.deepStrictEqual(yield* inMemory, ["edit"])
      assert.deepStrictEqual(yield* failing("steps=3 alloc_fails_at=2"), ["out_of_memory", [0, 1]])
    }).pipe(Effect.provide(layer())))

  it.live("so is one whose process was stopped at its limit beside others", () =>
    Effect.gen(function*() {
      yield* run("picture")
      assert.deepStrictEqual(yield* failing("steps=3 oom_at=2"), ["EngineOutOfMemory", [0, 1, 0, 1]])
      yield* run("edit")
    }).pipe(Effect.provide(layer())), 60_000)

  it.live("a job cancelled while its model is loaded leaves no half of it: the load goes on, and the next job waits for it", () =>
    Effect.gen(function*() {
      const engine = yield* Engine
      const began = yield* Deferred.make<void>()
      const settings = { timeoutMs: 20_000, onLoading: () => Effect.asVoid(Deferred.succeed(began, undefined)), onStep: () => Effect.void }
      const job = yield* Effect.forkChild(engine.run(yield* stored("edit"), runOf("edit"), settings))
      yield* Deferred.await(began)
      yield* Fiber.interrupt(job)
      yield* run("picture")
      assert.deepStrictEqual(yield* inMemory, ["edit", "picture"])
    }).pipe(Effect.provide(layer())))

  it.live("a load tells its parts and how far it is, and the engine's status shows it", () =>
    Effect.gen(function*() {
      const { status } = yield* Engine
      const seen: Array<ModelLoading | null> = []
      const watching = yield* SubscriptionRef.changes(status).pipe(
        Stream.runForEach(({ loading }) => Effect.sync(() => void seen.push(loading))),
        Effect.forkChild({ startImmediately: true })
      )
      const begun = { model: "picture", graphs_loaded: 0, graphs: 1, bytes_loaded: 0, bytes: 157 }
      const loaded = { ...begun, graphs_loaded: 1, bytes_loaded: 157 }
      assert.deepStrictEqual(yield* run("picture"), [begun, { ...begun, part: "step" }, loaded])
      assert.deepStrictEqual(yield* run("picture"), [])
      yield* Fiber.interrupt(watching)
      assert.deepStrictEqual(seen.filter((loading) => loading !== null), [begun, { ...begun, part: "step" }, loaded])
      assert.isNull((yield* SubscriptionRef.get(status)).loading)
    }).pipe(Effect.provide(layer())))
})

describe("a model that leaves the memory", () => {
  it.live("has its sessions released, and no other's", () =>
    Effect.gen(function*() {
      const models = makeModels()
      const settings = { provider: "cpu", threads: 1, testModels: true, memoryMaxBytes: 600 * mib, faults: noFaults } as const
      for (const name of ["edit", "picture"]) {
        const { folder, manifest } = yield* stored(name)
        yield* models.load(folder, manifest, settings, () => Effect.void)
      }
      const [edit, picture] = [models.get("edit")!, models.get("picture")!]
      const use = ({ manifest, pipeline }: typeof edit) => runPipeline(pipeline, manifest, runOf(manifest.name), () => Effect.void)
      yield* use(edit)
      yield* models.unload("edit")
      assert.isUndefined(models.get("edit"))
      assert.strictEqual((yield* Effect.flip(use(edit))).class, "model_error")
      assert.strictEqual((yield* use(picture)).images.length, 1)
    }).pipe(Effect.provide(layer())))
})
