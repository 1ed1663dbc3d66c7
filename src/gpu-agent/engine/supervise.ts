import { Effect, Ref, Stream, SubscriptionRef } from "effect"
import type { ModelLoading } from "../../contract/AgentMessages.ts"
import type { ExecutionProvider } from "../onnx/device.ts"
import { gpuMemoryBytes } from "../onnx/gpuMemory.ts"
import type { EngineOptions } from "./options.ts"
import { type EngineProcess, startEngineProcess } from "./EngineProcess.ts"
import { EngineUnavailable } from "./errors.ts"
import type { Resident } from "./evictions.ts"

/** The lives of the engine process: a new one whenever one ends. */

export type EnginePhase = "starting" | "ready" | "setup_failed" | "defunct"

export interface EngineStatus {
  readonly phase: EnginePhase
  /** Known once the probe ran. */
  readonly provider: ExecutionProvider | null
  /** Models in memory. */
  readonly loaded: ReadonlyArray<string>
  /** On its way into memory. */
  readonly loading: ModelLoading | null
  /** What a person should know: why it failed, or what it does without. */
  readonly messages: ReadonlyArray<string>
}

export const initialStatus: EngineStatus = { phase: "starting", provider: null, loaded: [], loading: null, messages: [] }

/** One life of the process. */
export interface Life {
  readonly process: EngineProcess
  readonly provider: ExecutionProvider
  /** What its models may need together. */
  readonly budgetBytes: number
  /** What is in its memory, least recently used first. */
  readonly residents: Map<string, Resident>
}

export interface Supervision {
  readonly options: EngineOptions
  readonly status: SubscriptionRef.SubscriptionRef<EngineStatus>
  readonly life: Ref.Ref<Life | undefined>
  /** Ends in a row, without a model loaded in between. */
  readonly failures: Ref.Ref<number>
}

/** The next one to ask must wait for the next process, not find this one; that may be there already. */
export const forget = ({ life }: Supervision, gone: Life): Effect.Effect<void> =>
  Ref.update(life, (now) => (now === gone ? undefined : now))

/** Waits while a process is starting; fails when none will come. */
export const awaitReady = ({ life, status }: Supervision): Effect.Effect<Life, EngineUnavailable> =>
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

const restartDelayMs = (failures: number): number => Math.min(100 * 2 ** Math.max(0, failures - 1), 10_000)

/** A process after the other, until the set-up fails or too many end in a row. */
const follow = Effect.fnUntraced(function*(supervision: Supervision) {
  const { failures, life, options, status } = supervision
  const become = (phase: EnginePhase, messages: ReadonlyArray<string>) => SubscriptionRef.set(status, { ...initialStatus, phase, messages })
  while (true) {
    const end = yield* Effect.scoped(oneLife(supervision))
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

/** An H100 or A100 of 80 GB, as the manifests count: for a GPU that does not say what it has. */
const gpuMemoryAssumedBytes = 80_000_000_000
/** The rest is CUDA's own: its context, kernels and libraries. */
const gpuShareForModels = 0.95

const gpuBudgetBytes = Effect.fnUntraced(function*({ environment, gpuMemoryMaxBytes }: EngineOptions) {
  if (gpuMemoryMaxBytes !== undefined) return gpuMemoryMaxBytes
  const bytes = yield* gpuMemoryBytes(environment)
  return bytes === undefined ? gpuMemoryAssumedBytes : Math.floor(bytes * gpuShareForModels)
})

/** Starts a process, waits for its probe, then for its end. */
const oneLife = Effect.fnUntraced(function*({ life, options, status }: Supervision) {
  const process = yield* startEngineProcess(options)
  yield* process.send({
    _tag: "Init",
    device: options.device,
    threads: options.threads,
    test_models: options.testModels,
    force_cpu: options.forceCpu ?? false,
    memory_max_bytes: options.memoryMaxBytes
  })
  const answer = yield* process.take.pipe(
    Effect.timeoutOrElse({ duration: options.setupTimeoutMs, orElse: () => process.kill("setup").pipe(Effect.andThen(process.take)) }),
    Effect.result
  )
  if (answer._tag === "Failure") return answer.failure
  if (answer.success._tag === "SetupFailed") return answer.success
  if (answer.success._tag === "Ready") {
    const { execution_provider: provider, warnings: messages } = answer.success
    for (const warning of messages) yield* Effect.logWarning("engine warning").pipe(Effect.annotateLogs({ warning }))
    const budgetBytes = provider === "cuda" ? yield* gpuBudgetBytes(options) : options.memoryMaxBytes
    yield* Ref.set(life, { process, provider, budgetBytes, residents: new Map() })
    yield* SubscriptionRef.set(status, { ...initialStatus, phase: "ready", provider, messages })
  }
  return yield* process.ended
})

export const supervise = (supervision: Supervision) =>
  follow(supervision).pipe(
    // A bug here must not look like an engine that is about to be ready.
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError("a bug ended the engine's supervision", defect),
        SubscriptionRef.update(supervision.status, (before) => ({ ...before, phase: "defunct" as const, messages: [String(defect)] }))
      )
    )
  )
