import { Context, Effect, Layer, Schedule, type Scope, Stream } from "effect"
import type { Progress } from "../../contract/AgentMessages.ts"
import { Signals } from "../../platform/nats/Signals.ts"
import { JobListeners } from "./JobListeners.ts"

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
      const listeners = new JobListeners<Progress>()

      const onProgress = (progress: Progress) => {
        latest.delete(progress.job_id)
        latest.set(progress.job_id, progress)
        if (latest.size > rememberedJobs) latest.delete(latest.keys().next().value!)
        listeners.tell(progress.job_id, progress)
      }
      yield* Stream.runForEach(signals.allProgress, (progress) => Effect.sync(() => onProgress(progress))).pipe(
        Effect.ignore,
        Effect.repeat(Schedule.spaced(retryDelayMs)),
        Effect.forkScoped
      )

      return ProgressHub.of({ latest: (jobId) => latest.get(jobId), listen: (jobId, listener) => listeners.listen(jobId, listener) })
    })
  )
}
