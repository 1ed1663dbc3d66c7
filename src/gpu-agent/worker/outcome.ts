import type { ErrorClass } from "../../contract/ErrorClass.ts"
import { isEnded, jobSchemaVersion, type JobRecord } from "../../contract/Job.ts"
import { attemptsPerRoundMax } from "../../contract/limits.ts"
import type { Current } from "../../contract/transitions.ts"
import type { EngineError } from "../engine/errors.ts"

/** What an agent does next with a message or a job: facts in, decision out (docs/job-states.md). */

/** The WORK consumers' ack wait: a message left alone comes back after this long. */
export const ackWaitMs = 30_000
/** A message that names a `queued` event which this read did not show yet. */
const readAgainMs = 1_000

export type ClaimDecision =
  /** The message is worth nothing any more: acknowledge it, which deletes it. */
  | { readonly _tag: "Drop"; readonly why: string }
  /** Somebody else may need it, or this agent later. */
  | { readonly _tag: "Later"; readonly delayMs: number; readonly why: string }
  /** Nobody can run it: say so in the log, then acknowledge. */
  | { readonly _tag: "Fail"; readonly error: { readonly class: ErrorClass; readonly message: string } }
  /** Claim it. `silent`: it had an owner that is heard no more. */
  | { readonly _tag: "Start"; readonly silent: boolean }

export interface ClaimFacts {
  readonly view: Current | undefined
  /** Sequence of the `queued` event that the message was made from. */
  readonly originSequence: number
  /** The owner of a `processing` job was not heard for two intervals. */
  readonly ownerSilent: boolean
  readonly nowMs: number
}

/** A WORK message is a hint: the record decides (job-log rules 1, 2 and 4). */
export const decideClaim = ({ nowMs, originSequence, ownerSilent, view }: ClaimFacts): ClaimDecision => {
  if (view === undefined) return { _tag: "Drop", why: "the job is gone" }
  const { queuedSequence, record } = view
  if (originSequence < queuedSequence) return { _tag: "Drop", why: "the job was queued again since" }
  if (originSequence > queuedSequence) return { _tag: "Later", delayMs: readAgainMs, why: "the log showed an older state" }
  if (isEnded(record.state)) return { _tag: "Drop", why: `the job is ${record.state}` }
  if (record.schema_version > jobSchemaVersion) {
    return { _tag: "Later", delayMs: ackWaitMs, why: `the job has schema version ${record.schema_version}` }
  }
  if (record.state === "processing" && !ownerSilent) return { _tag: "Later", delayMs: ackWaitMs, why: "its owner is alive" }
  if (record.attempts_counted >= attemptsPerRoundMax) {
    return {
      _tag: "Fail",
      error: { class: "agent_lost", message: `${attemptsPerRoundMax} agents in turn took the job and were lost with it` }
    }
  }
  if (record.state === "queued" && Date.parse(record.queue_deadline) <= nowMs) {
    return { _tag: "Fail", error: { class: "expired", message: `no agent was free before ${record.queue_deadline}` } }
  }
  return { _tag: "Start", silent: record.state === "processing" }
}

export interface Claim {
  readonly agent: string
  readonly job_id: string
  readonly attempt: number
}

/** `ended`: this very attempt wrote the end. `lost`: the job went on without this agent, which must stay silent (rule 3). */
export type Ownership = "mine" | "ended" | "cancelled" | "lost"

export const ownershipOf = (record: JobRecord | undefined, claim: Claim): Ownership => {
  if (record === undefined) return "lost"
  // A later attempt of the same agent is its own too: it started the job again after a crash of its engine.
  if (record.agent !== claim.agent || record.attempt < claim.attempt) return "lost"
  switch (record.state) {
    case "processing":
      return "mine"
    case "completed":
    case "failed":
      return "ended"
    case "cancelled":
    case "deleted":
      return "cancelled"
    case "queued":
      return "lost"
  }
}

/** An event must fit into the log whatever a model says (at most 512 KiB): one that never fits would be retried for ever. */
const messageMaxChars = 2_000
const warningsMax = 50

export const clip = (text: string): string => (text.length <= messageMaxChars ? text : `${text.slice(0, messageMaxChars - 1)}…`)

export const clipAll = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  (texts.length <= warningsMax ? texts : [...texts.slice(0, warningsMax - 1), `… and ${texts.length - warningsMax + 1} more`]).map(clip)

export type AfterFailure =
  | { readonly _tag: "StartAgain" }
  | { readonly _tag: "Fail"; readonly error: { readonly class: ErrorClass; readonly message: string } }
  /** The engine cannot run anything: the job is given back for another agent. */
  | { readonly _tag: "GiveBack"; readonly why: string }

/** A crash may not happen again; what the model says of the job will. */
export const afterFailure = (error: EngineError, attemptsCounted: number): AfterFailure => {
  const fail = (errorClass: ErrorClass, message = error.message): AfterFailure => ({
    _tag: "Fail",
    error: { class: errorClass, message: clip(message) }
  })
  switch (error._tag) {
    case "RunFailed":
      return fail(error.class)
    case "EngineTimeout":
      return fail("timeout")
    case "EngineOutOfMemory":
      return fail("out_of_memory")
    case "EngineUnavailable":
      return { _tag: "GiveBack", why: error.message }
    case "EngineCrashed":
      return attemptsCounted < attemptsPerRoundMax
        ? { _tag: "StartAgain" }
        : fail("model_error", `${error.message}, as in each of ${attemptsPerRoundMax} attempts`)
  }
}
