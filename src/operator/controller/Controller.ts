import { Cause, Clock, Effect } from "effect"
import type { WorkQueue } from "./WorkQueue.ts"

/** One run of a key has ended. */
export interface Reconciled {
  readonly key: string
  readonly outcome: "succeeded" | "failed"
  /** Milliseconds of the epoch. */
  readonly startedAt: number
  readonly seconds: number
}

export interface ControllerOptions<E, R> {
  /** For logs and spans: what the keys name. */
  readonly name: string
  readonly queue: WorkQueue
  /** Keys worked on at the same time. */
  readonly concurrency: number
  /** Makes the world as the key's object wants it; gives when to look again, or nothing when only an event matters. */
  readonly reconcile: (key: string) => Effect.Effect<number | undefined, E, R>
  readonly onReconciled?: (run: Reconciled) => void
  /** Failures that come with the trade, such as a conflict: tried again without a word. */
  readonly isOrdinary?: (error: E) => boolean
  /** How long who was asked wants to be left alone, if the error says so. */
  readonly retryAfterMs?: (error: E) => number | undefined
}

/**
 * Takes keys from the queue and reconciles them, for ever. A failure (also a bug) is logged and tried again; it never
 * ends the controller, and never holds up another key.
 */
export const runController = <E, R>(options: ControllerOptions<E, R>): Effect.Effect<never, never, R> => {
  const { concurrency, isOrdinary = () => false, name, onReconciled, queue, reconcile, retryAfterMs = () => undefined } = options
  const complaints = new Map<string, string>()

  /** Once a problem, not once a try. */
  const complain = (key: string, cause: Cause.Cause<E>) =>
    Effect.suspend(() => {
      const error = Cause.squash(cause)
      const message = error instanceof Error ? error.message : String(error)
      const ordinary = cause.reasons.every((reason) => reason._tag === "Fail" && isOrdinary(reason.error))
      if (ordinary || complaints.get(key) === message) return Effect.logDebug(`${name} ${key}: ${message}`)
      complaints.set(key, message)
      const isBug = cause.reasons.some((reason) => reason._tag === "Die")
      return isBug
        ? Effect.logError(`${name} ${key}: a bug; it is tried again`, cause)
        : Effect.logWarning(`${name} ${key}: ${message}; it is tried again`)
    })

  const restMsOf = (cause: Cause.Cause<E>): number =>
    Math.max(0, ...cause.reasons.map((reason) => (reason._tag === "Fail" ? retryAfterMs(reason.error) ?? 0 : 0)))

  const run = Effect.fnUntraced(function*(key: string) {
    const startedAt = yield* Clock.currentTimeMillis
    const exit = yield* Effect.exit(reconcile(key).pipe(Effect.withSpan(`reconcile ${name}`, { attributes: { key } })))
    const outcome = exit._tag === "Success" ? "succeeded" : "failed"
    onReconciled?.({ key, outcome, startedAt, seconds: ((yield* Clock.currentTimeMillis) - startedAt) / 1_000 })
    if (exit._tag === "Failure" && Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
    if (exit._tag === "Failure") yield* complain(key, exit.cause)
    else complaints.delete(key)
    yield* queue.done(key, outcome, exit._tag === "Failure" ? restMsOf(exit.cause) : 0)
    if (exit._tag === "Success" && exit.value !== undefined) yield* queue.addAfter(key, exit.value)
  })

  const worker = Effect.forever(Effect.flatMap(queue.take, run))
  return Effect.forEach(Array.from({ length: concurrency }), () => worker, { concurrency: "unbounded", discard: true }).pipe(
    Effect.andThen(Effect.never)
  )
}
