import { Clock, DateTime, Effect, Fiber, Schedule } from "effect"
import type { JobCommand } from "../../contract/transitions.ts"
import { JobLog, type JobView } from "../../platform/nats/JobLog.ts"
import type { WorkMessage } from "../../platform/nats/Lanes.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { continueTrace } from "../../platform/telemetry/traceparent.ts"
import type { RunFailed } from "../engine/errors.ts"
import { fetchInputs } from "./fetchInputs.ts"
import { decideClaim, ownershipOf } from "./outcome.ts"

export const timestampNow: Effect.Effect<string> = Effect.map(DateTime.now, DateTime.formatIso)

/** Lets the room that `EVENTS` lacks be made before the job is looked at again. */
const fullDelayMs = 5_000
/** After an append without an answer: long enough for a broker to restart, shorter than the ack wait. */
const settleSchedule = Schedule.spaced("500 millis").pipe(Schedule.upTo({ duration: "20 seconds" }))

/** A message that is not answered comes back after the ack wait, so a failed answer is only noted. */
const answer = (what: Effect.Effect<void, { readonly _tag: string }>) =>
  Effect.catch(what, (error) => Effect.logDebug("work message not answered").pipe(Effect.annotateLogs({ error: error._tag })))

const ownerIsSilent = Effect.fnUntraced(function*(view: JobView | undefined) {
  const record = view?.record
  if (record?.state !== "processing" || record.agent === undefined) return false
  const presence = yield* Presence
  return yield* presence.isSilent({ agent: record.agent, job_id: record.job_id, attempt: record.attempt })
})

/** The append may or may not have been stored: the log says which. */
const settle = (log: typeof JobLog.Service, view: JobView, agent: string) =>
  log.read(view.record.job_id).pipe(
    Effect.retry(settleSchedule),
    Effect.map((now) => {
      const claim = { agent, job_id: view.record.job_id, attempt: view.record.attempt + 1 }
      return ownershipOf(now?.record, claim) === "mine" ? now : undefined
    }),
    Effect.catch(() => Effect.succeed(undefined))
  )

/** A job that is this agent's now. */
export interface Claimed {
  readonly view: JobView
  /** The pictures, on their way. */
  readonly inputs: Effect.Effect<ReadonlyArray<Uint8Array>, RunFailed>
}

export interface Claimant {
  readonly agent: string
  /** CloudEvents source of what this agent writes. */
  readonly source: string
}

/** Reads the pictures while `started` is being written; the engine sees them only after it was. */
const start = Effect.fnUntraced(function*(view: JobView, command: JobCommand, message: WorkMessage, { agent, source }: Claimant) {
  const log = yield* JobLog
  const inputs = yield* Effect.forkChild(fetchInputs(view.record))
  const started = yield* log.append(view, command, source).pipe(
    Effect.catchTag("LogUnavailable", () => settle(log, view, agent)),
    Effect.catchTag("LogFull", () => Effect.as(answer(message.nak(fullDelayMs)), undefined)),
    Effect.onError(() => Fiber.interrupt(inputs))
  )
  if (started !== undefined) return { view: started, inputs: Fiber.join(inputs) } satisfies Claimed
  yield* Fiber.interrupt(inputs)
  return undefined
})

/**
 * From a WORK message to an owned job, or nothing. After a lost compare-and-swap not a word is said on the message:
 * it is no longer this agent's, and whatever it said would reach the new owner's delivery (job-log rule 3).
 */
const claim = Effect.fn("worker.claim")(function*(view: JobView | undefined, message: WorkMessage, claimant: Claimant) {
  const log = yield* JobLog
  const { agent, source } = claimant
  const decision = decideClaim({
    view,
    originSequence: message.originSequence,
    ownerSilent: yield* ownerIsSilent(view),
    nowMs: yield* Clock.currentTimeMillis
  })
  yield* Effect.logDebug("work message").pipe(Effect.annotateLogs({ job_id: message.job_id, decision: decision._tag }))
  const at = yield* timestampNow
  switch (decision._tag) {
    case "Drop":
      yield* answer(message.ack)
      return undefined
    case "Later":
      yield* answer(message.nak(decision.delayMs))
      return undefined
    case "Fail":
      yield* log.append(view, { _tag: "Fail", by: "sweeper", error: decision.error, at }, source)
      yield* answer(message.ack)
      return undefined
    case "Start":
      return view === undefined
        ? undefined
        : yield* start(view, { _tag: "Start", agent, queuedSequence: message.originSequence, silent: decision.silent, at }, message, claimant)
  }
})

/** Reads the job and claims it, in the trace of the request that submitted it. */
export const claimJob = Effect.fnUntraced(function*(message: WorkMessage, claimant: Claimant) {
  const log = yield* JobLog
  const view = yield* log.read(message.job_id)
  return yield* claim(view, message, claimant).pipe(continueTrace(view?.record.traceparent))
}, Effect.catch((error) =>
  Effect.as(Effect.logInfo("job not claimed").pipe(Effect.annotateLogs({ error: error._tag })), undefined)))
