import { Context, Effect, Layer, Schedule, type Scope, Stream } from "effect"
import type { Progress } from "../../contract/AgentMessages.ts"
import { Signals } from "../../platform/nats/Signals.ts"

type Listener = (progress: Progress) => void

/** Jobs whose latest progress is kept; the ones that were silent longest go first. */
const rememberedJobs = 10_000
const retryDelayMs = 1_000

/** One subscription a gateway to the progress of all jobs, and the latest of each, for streams that open in the middle. */
export class ProgressHub extends Context.Service<ProgressHub, {
  readonly latest: (jobId: string) => Progress | undefined
  /** Calls the listener for each progress of the job until the scope closes. */
  readonly listen: (jobId: string, listener: Listener) => Effect.Effect<void, never, Scope.Scope>
}>()("darkroom/gateway/ProgressHub") {
  static readonly layer = Layer.effect(
    ProgressHub,
    Effect.gen(function*() {
      const signals = yield* Signals
      const latest = new Map<string, Progress>()
      const listenersOf = new Map<string, Set<Listener>>()

      const onProgress = (progress: Progress) => {
        latest.delete(progress.job_id)
        latest.set(progress.job_id, progress)
        if (latest.size > rememberedJobs) latest.delete(latest.keys().next().value!)
        listenersOf.get(progress.job_id)?.forEach((listener) => listener(progress))
      }
      yield* Stream.runForEach(signals.allProgress, (progress) => Effect.sync(() => onProgress(progress))).pipe(
        Effect.ignore,
        Effect.repeat(Schedule.spaced(retryDelayMs)),
        Effect.forkScoped
      )

      const listen = (jobId: string, listener: Listener) =>
        Effect.acquireRelease(
          Effect.sync(() => void listenersOf.set(jobId, (listenersOf.get(jobId) ?? new Set()).add(listener))),
          () =>
            Effect.sync(() => {
              const listeners = listenersOf.get(jobId)
              listeners?.delete(listener)
              if (listeners?.size === 0) listenersOf.delete(jobId)
            })
        )

      return ProgressHub.of({ latest: (jobId) => latest.get(jobId), listen })
    })
  )
}
