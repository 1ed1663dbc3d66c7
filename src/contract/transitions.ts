import { Result } from "effect"
import type { ErrorClass } from "./ErrorClass.ts"
import type { Share } from "./Lane.ts"
import { attemptsPerRoundMax, retriesByUserMax } from "./limits.ts"
import { isEnded, type JobOutput, type JobRecord, type JobState } from "./Job.ts"
import type { EventName } from "./subjects.ts"

/**
 * The state machine of a job (docs/job-states.md): which event a command appends, or why not.
 * Pure: the caller reads the job, asks here, and appends by compare-and-swap. Times are RFC 3339 strings.
 */

export type JobCommand =
  | { readonly _tag: "Submit"; readonly record: JobRecord }
  /** The claim. `silent`: the present owner was not heard for two intervals, or is this agent itself. */
  | {
    readonly _tag: "Start"
    readonly agent: string
    readonly queuedSequence: number
    readonly silent: boolean
    readonly at: string
  }
  | { readonly _tag: "Release"; readonly agent: string; readonly attempt: number; readonly reason: string; readonly at: string }
  | {
    readonly _tag: "Complete"
    readonly agent: string
    readonly attempt: number
    readonly output: JobOutput
    readonly parameters: JobRecord["parameters"]
    readonly warnings: ReadonlyArray<string>
    readonly actualTimeS: number
    readonly at: string
  }
  /** `by` is the owner (agent and attempt), or nobody: the sweeper, or an agent that finds the attempts used up. */
  | {
    readonly _tag: "Fail"
    readonly by: { readonly agent: string; readonly attempt: number } | "sweeper"
    readonly error: { readonly class: ErrorClass; readonly message: string }
    readonly at: string
  }
  | { readonly _tag: "Cancel"; readonly at: string }
  | { readonly _tag: "Retry"; readonly share: Share; readonly at: string; readonly queueDeadline: string }
  /** The sweeper puts a job back that has no WORK message and no living owner. */
  | { readonly _tag: "Requeue"; readonly at: string }
  | { readonly _tag: "Move"; readonly pool: string; readonly at: string }
  | { readonly _tag: "Delete"; readonly at: string }

export type RefusalReason =
  | "unknown_job"
  | "already_exists"
  | "not_queued"
  | "not_processing"
  | "not_owner"
  | "owner_alive"
  | "superseded"
  | "attempts_exhausted"
  | "not_failed"
  | "not_retryable"
  | "retries_exhausted"
  | "ended"
  | "not_ended"
  | "deleted"

export interface Refusal {
  readonly command: JobCommand["_tag"]
  readonly state: JobState | "none"
  readonly reason: RefusalReason
}

export interface Transition {
  readonly event: EventName
  readonly record: JobRecord
}

/** The job as last read: its record, and the sequence of its latest `queued`. */
export interface Current {
  readonly record: JobRecord
  readonly queuedSequence: number
}

type Decision = Result.Result<Transition, Refusal>

const refuse = (command: JobCommand, current: Current | undefined, reason: RefusalReason): Decision =>
  Result.fail({ command: command._tag, state: current?.record.state ?? "none", reason })

const accept = (event: EventName, record: JobRecord): Decision => Result.succeed({ event, record })

/** Copies without the facts of an earlier run, so that a queued job never shows an old error or agent. */
const withoutRun = (record: JobRecord): JobRecord => {
  const { actual_time_s: _a, agent: _b, ended_at: _c, error: _d, output: _e, queued_sequence: _f, started_at: _g, ...rest } =
    record
  return rest as JobRecord
}

/** The time with an agent is not time in the queue: a job that ran for an hour and was lost does not come back expired. */
const deadlineAfterRun = (record: JobRecord, at: string): string => {
  if (record.started_at === undefined) return record.queue_deadline
  const ranMs = Math.max(0, Date.parse(at) - Date.parse(record.started_at))
  return new Date(Date.parse(record.queue_deadline) + ranMs).toISOString()
}

const queuedAgain = (record: JobRecord, at: string): JobRecord => ({
  ...withoutRun(record),
  state: "queued",
  queued_at: at,
  queue_deadline: deadlineAfterRun(record, at)
})

const start = (command: Extract<JobCommand, { _tag: "Start" }>, current: Current): Decision => {
  const { queuedSequence, record } = current
  if (isEnded(record.state)) return refuse(command, current, "ended")
  if (command.queuedSequence !== queuedSequence) return refuse(command, current, "superseded")
  if (record.state === "processing" && !command.silent) return refuse(command, current, "owner_alive")
  if (record.attempts_counted >= attemptsPerRoundMax) return refuse(command, current, "attempts_exhausted")
  return accept("started", {
    ...withoutRun(record),
    state: "processing",
    queued_sequence: queuedSequence,
    agent: command.agent,
    attempt: record.attempt + 1,
    attempts_counted: record.attempts_counted + 1,
    // Taken over from a lost agent, it may still be given back, and then the lost agent's time must not count either.
    queue_deadline: deadlineAfterRun(record, command.at),
    started_at: command.at
  })
}

const isOwner = (record: JobRecord, by: { readonly agent: string; readonly attempt: number }): boolean =>
  record.agent === by.agent && record.attempt === by.attempt

const release = (command: Extract<JobCommand, { _tag: "Release" }>, current: Current): Decision => {
  const { queuedSequence, record } = current
  if (record.state !== "processing") return refuse(command, current, "not_processing")
  if (!isOwner(record, command)) return refuse(command, current, "not_owner")
  return accept("released", {
    ...withoutRun(record),
    state: "queued",
    queue_deadline: deadlineAfterRun(record, command.at),
    queued_sequence: queuedSequence,
    attempts_counted: record.attempts_counted - 1
  })
}

const complete = (command: Extract<JobCommand, { _tag: "Complete" }>, current: Current): Decision => {
  const { record } = current
  if (record.state !== "processing") return refuse(command, current, "not_processing")
  if (!isOwner(record, command)) return refuse(command, current, "not_owner")
  return accept("completed", {
    ...record,
    state: "completed",
    parameters: command.parameters,
    output: command.output,
    warnings: [...record.warnings, ...command.warnings],
    actual_time_s: command.actualTimeS,
    ended_at: command.at
  })
}

const fail = (command: Extract<JobCommand, { _tag: "Fail" }>, current: Current): Decision => {
  const { record } = current
  if (isEnded(record.state)) return refuse(command, current, "ended")
  if (command.by !== "sweeper" && record.state !== "processing") return refuse(command, current, "not_processing")
  if (command.by !== "sweeper" && !isOwner(record, command.by)) return refuse(command, current, "not_owner")
  return accept("failed", { ...record, state: "failed", error: command.error, ended_at: command.at })
}

const retry = (command: Extract<JobCommand, { _tag: "Retry" }>, current: Current): Decision => {
  const { record } = current
  if (record.state !== "failed") return refuse(command, current, "not_failed")
  if (record.error?.class === "invalid_input") return refuse(command, current, "not_retryable")
  if (record.retry_count >= retriesByUserMax) return refuse(command, current, "retries_exhausted")
  return accept("queued", {
    ...queuedAgain(record, command.at),
    share: command.share,
    queue_deadline: command.queueDeadline,
    attempts_counted: 0,
    retry_count: record.retry_count + 1
  })
}

const requeue = (command: Extract<JobCommand, { _tag: "Requeue" | "Move" }>, current: Current): Decision => {
  const { record } = current
  if (isEnded(record.state)) return refuse(command, current, "ended")
  if (command._tag === "Move" && record.state !== "queued") return refuse(command, current, "not_queued")
  if (record.attempts_counted >= attemptsPerRoundMax) return refuse(command, current, "attempts_exhausted")
  const pool = command._tag === "Move" ? command.pool : record.pool
  return accept("queued", { ...queuedAgain(record, command.at), pool })
}

/** A tombstone keeps who and how long (usage), and drops the prompt and every picture. */
const remove = (command: Extract<JobCommand, { _tag: "Delete" }>, current: Current): Decision => {
  const { record } = current
  if (!isEnded(record.state)) return refuse(command, current, "not_ended")
  const { error: _error, output: _output, traceparent: _trace, ...rest } = record
  return accept("deleted", {
    ...(rest as JobRecord),
    state: "deleted",
    prompt: "",
    client_id: null,
    inputs: [],
    warnings: [],
    ended_at: record.ended_at ?? command.at
  })
}

export const transition = (current: Current | undefined, command: JobCommand): Decision => {
  if (command._tag === "Submit") {
    return current === undefined ? accept("queued", command.record) : refuse(command, current, "already_exists")
  }
  if (current === undefined) return refuse(command, current, "unknown_job")
  if (current.record.state === "deleted") return refuse(command, current, "deleted")
  switch (command._tag) {
    case "Start":
      return start(command, current)
    case "Release":
      return release(command, current)
    case "Complete":
      return complete(command, current)
    case "Fail":
      return fail(command, current)
    case "Cancel":
      return isEnded(current.record.state)
        ? refuse(command, current, "ended")
        : accept("cancelled", { ...current.record, state: "cancelled", ended_at: command.at })
    case "Retry":
      return retry(command, current)
    case "Requeue":
    case "Move":
      return requeue(command, current)
    case "Delete":
      return remove(command, current)
  }
}
