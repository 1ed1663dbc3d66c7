import { Effect, type Fiber, Schema } from "effect"
import { Worker } from "node:worker_threads"
import { chooseProvider } from "../onnx/provider.ts"
import type { OnStep } from "../pipelines/Pipeline.ts"
import { collectLessOften } from "../../platform/processes/collectLessOften.ts"
import { runPipeline } from "../pipelines/run.ts"
import { makeFaults, noFaults } from "./faults.ts"
import type { LoadSettings } from "./load.ts"
import { makeModels } from "./models.ts"
import { EngineReport, EngineRequest, type RunRequest } from "./protocol.ts"

/** The engine process: the only one that loads ONNX Runtime. Started by the agent, ends with it. */

collectLessOften()

const encodeReport = Schema.encodeSync(EngineReport)
const send = (report: EngineReport): Effect.Effect<void> => Effect.sync(() => void process.send?.(encodeReport(report)))

/** Lets messages in: `Cancel` can only be heard between two steps. */
const breathe = Effect.callback<void>((resume) => void setImmediate(() => setImmediate(() => resume(Effect.void))))

const watchdog = new Worker(new URL("./watchdog.ts", import.meta.url))
watchdog.unref()
const watching = Effect.callback<void>((resume) => void watchdog.once("message", () => resume(Effect.void)))

const models = makeModels()
let settings: LoadSettings | undefined
let current: { readonly jobId: string; readonly fiber: Fiber.Fiber<void> } | undefined

const init = Effect.fnUntraced(
  function*(request: Extract<EngineRequest, { _tag: "Init" }>) {
    // Never a run that nobody could end: first the thread that ends this process with its parent.
    yield* watching
    const { provider, warnings } = yield* chooseProvider(request.device, request.threads)
    settings = {
      provider,
      threads: request.threads,
      testModels: request.test_models,
      forceCpu: request.force_cpu,
      memoryMaxBytes: request.memory_max_bytes,
      faults: request.test_models ? makeFaults(request.memory_max_bytes) : noFaults
    }
    yield* send({ _tag: "Ready", execution_provider: provider, warnings })
  },
  Effect.catchTag("ProviderUnavailable", (error) => send({ _tag: "SetupFailed", message: error.message }))
)

const load = Effect.fnUntraced(
  function*({ folder, manifest }: Extract<EngineRequest, { _tag: "Load" }>) {
    const startedMs = performance.now()
    if (settings === undefined) return yield* Effect.die("Load before Init")
    yield* models.load(folder, manifest, settings, (loading) => Effect.andThen(send({ _tag: "Loading", ...loading }), breathe))
    yield* send({ _tag: "Loaded", model: manifest.name, load_ms: performance.now() - startedMs })
  },
  (effect, { manifest }) =>
    Effect.catchTag(effect, "PipelineError", (error) =>
      send({ _tag: "LoadFailed", model: manifest.name, class: error.class, message: error.message }))
)

const run = Effect.fnUntraced(
  function*(request: RunRequest) {
    const model = models.get(request.model)
    if (model === undefined || settings === undefined) return yield* Effect.die(`Run of ${request.model} before its Load`)
    const { faults } = settings
    faults.begin(request.prompt)
    const onStep: OnStep = (step, steps, text) =>
      send({ _tag: "Step", job_id: request.job_id, step, steps, ...(text === undefined ? {} : { text }) }).pipe(
        Effect.andThen(breathe),
        Effect.andThen(faults.onStep(step, steps))
      )
    yield* send(yield* runPipeline(model.pipeline, model.manifest, request, onStep))
  },
  (effect, { job_id }) =>
    effect.pipe(
      Effect.catchTag("PipelineError", (error) => send({ _tag: "Failed", job_id, class: error.class, message: error.message })),
      Effect.onInterrupt(() => send({ _tag: "Cancelled", job_id }))
    )
)

const handle = (request: EngineRequest): Effect.Effect<void> => {
  switch (request._tag) {
    case "Init":
      return init(request)
    case "Load":
      return load(request)
    case "Unload":
      return Effect.andThen(models.unload(request.model), send({ _tag: "Unloaded", model: request.model }))
    case "Run":
      return run(request)
    case "Cancel":
      return Effect.void
  }
}

const start = (request: EngineRequest): void => {
  if (request._tag === "Cancel") {
    if (current?.jobId === request.job_id) current.fiber.interruptUnsafe()
    return
  }
  const fiber = Effect.runFork(handle(request))
  if (request._tag === "Run") current = { jobId: request.job_id, fiber }
  fiber.addObserver((exit) => {
    current = undefined
    // A bug here leaves the agent waiting for an answer: end, and let it see a crash.
    if (exit._tag === "Failure" && !exit.cause.reasons.every((reason) => reason._tag === "Interrupt")) {
      console.error(exit.cause)
      process.exit(70)
    }
  })
}

const decodeRequest = Schema.decodeUnknownSync(EngineRequest)
process.on("message", (message) => start(decodeRequest(message)))
process.on("disconnect", () => process.exit(0))
// Ctrl-C and a pod's end reach the whole process group; the agent decides what becomes of the run.
process.on("SIGINT", () => {})
process.on("SIGTERM", () => {})
