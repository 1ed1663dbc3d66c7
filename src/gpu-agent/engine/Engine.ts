import { Context, Effect, Fiber, Layer, Ref, Semaphore, Stream, SubscriptionRef } from "effect"
import type { StoredModel } from "../models/ModelStore.ts"
import type { Device, ExecutionProvider } from "../onnx/device.ts"
import { type EngineProcess, startEngineProcess } from "./EngineProcess.ts"
import { type EngineError, EngineUnavailable } from "./errors.ts"
import { loadInto, runIn, type RunSettings } from "./exchange.ts"
import type { EngineResult, RunRequest } from "./protocol.ts"

export interface EngineOptions {
  readonly device: Device
  /** Threads of the CPU provider. */
  readonly threads: number
  readonly testModels: boolean
  /** Resident memory at which the engine process is killed; below the container's limit (job-log rule 23). */
  readonly memoryMaxBytes: number
  /** How long a cancelled run may take to its next step before its process is killed. */
  readonly cancelHardStopMs: number
  readonly setupTimeoutMs: number
  readonly loadTimeoutMs: number
  /** Ends in a row, without a model loaded in between, after which the agent gives up. */
  readonly restartsMax: number
  readonly environment: Readonly<Record<string, string | undefined>>
}

export type EnginePhase = "starting" | "ready" | "setup_failed" | "defunct"

export interface EngineStatus {
  readonly phase: EnginePhase
  /** Known once the probe ran. */
  readonly provider: ExecutionProvider | null
  /** Models in memory. */
  readonly loaded: ReadonlyArray<string>
  /** What a person should know: why it failed, or what it does without. */
  readonly messages: ReadonlyArray<string>
}

/** One life of the process, and what is in its memory. */
interface Life {
  readonly process: EngineProcess
  readonly loaded: Map<string, { readonly memoryBytes: number }>
  loading?: Fiber.Fiber<void, EngineError>
}

/** The model process as the agent sees it: one run at a time, a new process whenever one ends. */
export class Engine extends Context.Service<Engine, {
  readonly status: SubscriptionRef.SubscriptionRef<EngineStatus>
  /** Puts a model into memory; another one goes when there is no room for both. */
  readonly load: (model: StoredModel) => Effect.Effect<void, EngineError>
  /**
   * Runs a job. Interrupting it cancels between two steps, or kills the process after `cancelHardStopMs`; either way
   * it returns with the engine free for the next run.
   */
  readonly run: (model: StoredModel, request: RunRequest, settings: RunSettings) => Effect.Effect<EngineResult, EngineError>
}>()("darkroom/gpu-agent/engine/Engine") {
  static readonly layer = (options: EngineOptions) => Layer.effect(Engine, makeEngine(options))
}

const makeEngine = Effect.fnUntraced(function*(options: EngineOptions) {
  const status = yield* SubscriptionRef.make<EngineStatus>({ phase: "starting", provider: null, loaded: [], messages: [] })
  const life = yield* Ref.make<Life | undefined>(undefined)
  const failures = yield* Ref.make(0)
  const oneAtATime = yield* Semaphore.make(1)
  const scope = yield* Effect.scope
  yield* supervise({ options, status, life, failures }).pipe(
    // A bug here must not look like an engine that is about to be ready.
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError("a bug ended the engine's supervision", defect),
        SubscriptionRef.update(status, (before) => ({ ...before, phase: "defunct" as const, messages: [String(defect)] }))
      )
    ),
    Effect.forkScoped
  )

  const loadNow = Effect.fnUntraced(function*(now: Life, model: StoredModel) {
    yield* loadInto(now.process, model, options.loadTimeoutMs)
    now.loaded.set(model.manifest.name, { memoryBytes: model.memoryBytes })
    yield* Ref.set(failures, 0)
    yield* SubscriptionRef.update(status, (s) => ({ ...s, loaded: [...now.loaded.keys()] }))
  })
  const ensure = Effect.fnUntraced(function*(model: StoredModel, onLoading: Effect.Effect<void>): Effect.fn.Return<Life, EngineError> {
    let now = yield* awaitReady(status, life)
    if (now.loading !== undefined) yield* Fiber.await(now.loading)
    if (now.loaded.has(model.manifest.name)) return now
    yield* onLoading
    if (needsRoom(now.loaded, model, options.memoryMaxBytes)) {
      yield* now.process.kill("make room")
      yield* Ref.set(life, undefined)
      now = yield* awaitReady(status, life)
    }
    // A fiber of its own: a job cancelled while its model loads must not leave half a load behind.
    now.loading = yield* Effect.forkIn(loadNow(now, model), scope)
    yield* Fiber.join(now.loading)
    return now
  })
  const run = Effect.fn("engine.run")(function*(model: StoredModel, request: RunRequest, settings: RunSettings) {
    const now = yield* ensure(model, settings.onLoading)
    return yield* runIn(now.process, request, settings, options.cancelHardStopMs).pipe(
      // The next run must wait for the next process, not find this one.
      Effect.onExit(() => Effect.flatMap(now.process.hasEnded, (gone) => gone ? Ref.set(life, undefined) : Effect.void))
    )
  }, oneAtATime.withPermit)
  return Engine.of({ status, load: (model) => oneAtATime.withPermit(Effect.asVoid(ensure(model, Effect.void))), run })
})

/** Waits while a process is starting; fails when none will come. */
const awaitReady = (
  status: SubscriptionRef.SubscriptionRef<EngineStatus>,
  life: Ref.Ref<Life | undefined>
): Effect.Effect<Life, EngineUnavailable> =>
  SubscriptionRef.changes(status).pipe(
    Stream.mapEffect(({ messages, phase }) =>
      phase === "setup_failed" || phase === "defunct"
        ? Effect.fail(new EngineUnavailable({ message: messages.join("; ") }))
        : Ref.get(life)
    ),
    Stream.filter((now) => now !== undefined),
    Stream.runHead,
    Effect.flatMap((now) => Effect.fromOption(now)),
    Effect.catchTag("NoSuchElementError", () => Effect.die("the engine's status ended"))
  )

/** Pure: whether a fresh process is needed because both models together may not fit. */
export const needsRoom = (
  loaded: ReadonlyMap<string, { readonly memoryBytes: number }>,
  model: StoredModel,
  memoryMaxBytes: number
): boolean => {
  const held = [...loaded.values()].reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
  return loaded.size > 0 && held + model.memoryBytes > memoryMaxBytes
}

interface Supervision {
  readonly options: EngineOptions
  readonly status: SubscriptionRef.SubscriptionRef<EngineStatus>
  readonly life: Ref.Ref<Life | undefined>
  readonly failures: Ref.Ref<number>
}

const restartDelayMs = (failures: number): number => Math.min(100 * 2 ** Math.max(0, failures - 1), 10_000)

/** A process after the other, until the set-up fails or too many end in a row. */
const supervise = Effect.fnUntraced(function*({ failures, life, options, status }: Supervision) {
  const become = (phase: EnginePhase, messages: ReadonlyArray<string>, provider: ExecutionProvider | null = null) =>
    SubscriptionRef.set(status, { phase, provider, loaded: [], messages })
  while (true) {
    const end = yield* Effect.scoped(oneLife(options, life, become))
    yield* Ref.set(life, undefined)
    if (end._tag === "SetupFailed") {
      yield* Effect.logError("engine set-up failed").pipe(Effect.annotateLogs({ reason: end.message }))
      return yield* become("setup_failed", [end.message])
    }
    yield* Effect.logWarning("engine ended").pipe(Effect.annotateLogs({ how: end.how, killed_for: end.killedFor ?? "" }))
    const inARow = yield* Ref.updateAndGet(failures, (n) => (end.killedFor === "make room" ? n : n + 1))
    if (inARow > options.restartsMax) {
      return yield* become("defunct", [`the engine ended ${inARow} times in a row, last by ${end.how}`])
    }
    yield* become("starting", [])
    yield* Effect.sleep(restartDelayMs(inARow))
  }
})

type Become = (phase: EnginePhase, messages: ReadonlyArray<string>, provider?: ExecutionProvider | null) => Effect.Effect<void>

/** Starts a process, waits for its probe, then for its end. */
const oneLife = Effect.fnUntraced(function*(options: EngineOptions, life: Ref.Ref<Life | undefined>, become: Become) {
  const process = yield* startEngineProcess(options)
  yield* process.send({
    _tag: "Init",
    device: options.device,
    threads: options.threads,
    test_models: options.testModels,
    memory_max_bytes: options.memoryMaxBytes
  })
  const answer = yield* process.take.pipe(
    Effect.timeoutOrElse({ duration: options.setupTimeoutMs, orElse: () => process.kill("setup").pipe(Effect.andThen(process.take)) }),
    Effect.result
  )
  if (answer._tag === "Failure") return answer.failure
  if (answer.success._tag === "SetupFailed") return answer.success
  if (answer.success._tag === "Ready") {
    const { execution_provider, warnings } = answer.success
    for (const warning of warnings) yield* Effect.logWarning("engine warning").pipe(Effect.annotateLogs({ warning }))
    yield* Ref.set(life, { process, loaded: new Map() })
    yield* become("ready", warnings, execution_provider)
  }
  return yield* process.ended
})
