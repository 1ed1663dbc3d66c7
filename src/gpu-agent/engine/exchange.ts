import { Effect } from "effect"
import type { ModelLoading } from "../../contract/AgentMessages.ts"
import type { StoredModel } from "../models/ModelStore.ts"
import type { EngineProcess, KillReason, ProcessEnded } from "./EngineProcess.ts"
import { EngineCrashed, type EngineError, EngineOutOfMemory, EngineTimeout, RunFailed } from "./errors.ts"
import { makeStepSpans } from "./stepSpans.ts"
import type { EngineReport, EngineResult, RunRequest } from "./protocol.ts"

/** One question to the engine and its answer: a load, an unload, or a run with its steps. */

export type OnLoading = (loading: ModelLoading) => Effect.Effect<void>

export interface RunSettings {
  /** Longest run, in milliseconds; loading the model is not part of it. */
  readonly timeoutMs: number
  /** Called while the job waits for its model. */
  readonly onLoading: OnLoading
  readonly onStep: (step: number, steps: number, text?: string) => Effect.Effect<void>
}

/** Pure: what the end of the process means for the job that it ran. */
export const errorOf = (end: ProcessEnded, during: string, limits: { timeoutMs: number; memoryMaxBytes: number }): EngineError => {
  switch (end.killedFor) {
    case "memory":
      return new EngineOutOfMemory({ limitBytes: limits.memoryMaxBytes })
    case "timeout":
      return new EngineTimeout({ timeoutMs: limits.timeoutMs })
    default:
      return new EngineCrashed({ message: `the engine ended with ${end.how} while ${during}` })
  }
}

/** Reports until `pick` takes one; others (of a run that was cancelled before) are dropped. */
const awaitReport = <A>(
  process: EngineProcess,
  pick: (report: EngineReport) => Effect.Effect<A, EngineError> | undefined
): Effect.Effect<A, EngineError | ProcessEnded> =>
  Effect.flatMap(process.take, (report) => pick(report) ?? Effect.suspend(() => awaitReport(process, pick)))

/** What to do when a model's load or unload has gone on for too long. */
const killed = (process: EngineProcess, reason: KillReason) =>
  Effect.andThen(process.kill(reason), process.ended).pipe(Effect.flatMap(Effect.fail))

export const loadInto = Effect.fn("engine.load")(function*(
  process: EngineProcess,
  { folder, manifest }: StoredModel,
  timeoutMs: number,
  onLoading: OnLoading
) {
  yield* process.send({ _tag: "Load", folder, manifest })
  yield* awaitReport<"done" | "part">(process, (report) => {
    if (!("model" in report) || report.model !== manifest.name) return undefined
    switch (report._tag) {
      case "Loading": {
        const { _tag, ...loading } = report
        return Effect.as(onLoading(loading), "part" as const)
      }
      case "Loaded":
        return Effect.logInfo("model loaded").pipe(
          Effect.annotateLogs({ model: report.model, load_ms: Math.round(report.load_ms) }),
          Effect.as("done" as const)
        )
      case "LoadFailed":
        return Effect.fail(new RunFailed({ class: report.class, message: report.message }))
      case "Unloaded":
        return undefined
    }
  }).pipe(
    Effect.repeat({ until: (report) => report === "done" }),
    Effect.timeoutOrElse({ duration: timeoutMs, orElse: () => killed(process, "timeout") }),
    Effect.catchTag("ProcessEnded", (end) => Effect.fail(errorOf(end, `loading ${manifest.name}`, { timeoutMs, memoryMaxBytes: process.memoryMaxBytes })))
  )
})

/** False when the process did not do it in time, or ended: then it is gone, with every model in it. */
export const unloadFrom = Effect.fn("engine.unload")(function*(process: EngineProcess, model: string, timeoutMs: number) {
  yield* process.send({ _tag: "Unload", model })
  return yield* awaitReport(process, (report) => (report._tag === "Unloaded" && report.model === model ? Effect.void : undefined)).pipe(
    Effect.timeoutOrElse({ duration: timeoutMs, orElse: () => killed(process, "make room") }),
    Effect.as(true),
    Effect.catch(() => Effect.succeed(false))
  )
})

/** Every report of the run; the answer is the result, or why there is none. */
const follow = Effect.fnUntraced(function*(process: EngineProcess, jobId: string, settings: RunSettings) {
  const stepSpan = yield* makeStepSpans
  let during = "starting the run"
  return yield* awaitReport<EngineResult | "step">(process, (report) => {
    if (!("job_id" in report) || report.job_id !== jobId) return undefined
    switch (report._tag) {
      case "Step":
        stepSpan(report.step, report.steps)
        during = `at step ${Math.min(report.step + 1, report.steps)} of ${report.steps}`
        return Effect.as(settings.onStep(report.step, report.steps, report.text), "step" as const)
      case "Result":
        return Effect.succeed(report)
      case "Failed":
        return Effect.fail(new RunFailed({ class: report.class, message: report.message }))
      case "Cancelled":
        // Nobody asked; taken for an interruption it would end the agent's loop.
        return Effect.andThen(process.kill("nonsense"), Effect.fail(new EngineCrashed({ message: `the engine gave the run up ${during}` })))
    }
  }).pipe(
    Effect.repeat({ until: (report): report is EngineResult => report !== "step" }),
    Effect.catchTag("ProcessEnded", (end) =>
      Effect.fail(errorOf(end, during, { timeoutMs: settings.timeoutMs, memoryMaxBytes: process.memoryMaxBytes }))
    )
  )
})

/** Asks for the end of the run, waits for the next step, then no longer. */
const cancel = (process: EngineProcess, jobId: string, hardStopMs: number): Effect.Effect<void> =>
  process.send({ _tag: "Cancel", job_id: jobId }).pipe(
    Effect.andThen(
      Effect.interruptible(
        awaitReport(process, (report) =>
          "job_id" in report && report.job_id === jobId && report._tag !== "Step" ? Effect.void : undefined
        )
      )
    ),
    Effect.timeoutOrElse({ duration: hardStopMs, orElse: () => process.kill("cancel") }),
    Effect.ignore
  )

export const runIn = (process: EngineProcess, request: RunRequest, settings: RunSettings, cancelHardStopMs: number) =>
  process.send(request).pipe(
    Effect.andThen(follow(process, request.job_id, settings)),
    Effect.timeoutOrElse({
      duration: settings.timeoutMs,
      orElse: () => Effect.andThen(process.kill("timeout"), Effect.fail(new EngineTimeout({ timeoutMs: settings.timeoutMs })))
    }),
    Effect.onInterrupt(() => cancel(process, request.job_id, cancelHardStopMs))
  )
