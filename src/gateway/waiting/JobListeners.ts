import { Effect, type Scope } from "effect"

/** Who listens for news of which job. Nothing of a job stays when its last listener has gone. */
export class JobListeners<A> {
  readonly #byJob = new Map<string, Set<(news: A) => void>>()

  tell(jobId: string, news: A): void {
    this.#byJob.get(jobId)?.forEach((listener) => listener(news))
  }

  /** Calls the listener for each news of the job until the scope closes. */
  listen(jobId: string, listener: (news: A) => void): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => void this.#byJob.set(jobId, (this.#byJob.get(jobId) ?? new Set()).add(listener))),
      () =>
        Effect.sync(() => {
          const listeners = this.#byJob.get(jobId)
          listeners?.delete(listener)
          if (listeners?.size === 0) this.#byJob.delete(jobId)
        })
    )
  }

  get count(): number {
    return [...this.#byJob.values()].reduce((sum, { size }) => sum + size, 0)
  }
}
