import { Context, type Effect, type Stream } from "effect"
import type { StoredEvent } from "../../contract/JobEvent.ts"
import type { Current, JobCommand } from "../../contract/transitions.ts"
import type { LogConflict, LogFull, LogUnavailable, TransitionRefused } from "./errors.ts"

/** A job as the log's leader has it now. */
export interface JobView extends Current {
  readonly last: StoredEvent
}

/** Identifies one life of the stream; a cursor is only valid in the life it was taken in (job-log rule 17). */
export interface LogState {
  readonly createdAt: string
  readonly firstSequence: number
  readonly lastSequence: number
}

/** The stream EVENTS: the truth about every job. The only way to change a job is a compare-and-swap append. */
export class JobLog extends Context.Service<JobLog, {
  /** Read at the leader, never a replica; `undefined` when the log does not know the job. */
  readonly read: (jobId: string) => Effect.Effect<JobView | undefined, LogUnavailable>
  /**
   * One decision, one append, no second try: for agents, who must stop at the first conflict.
   * `view` undefined = submit (expects sequence 0). `source` becomes the CloudEvents source.
   * An ambiguous time-out is settled by reading the event back by its id.
   */
  readonly append: (
    view: JobView | undefined,
    command: JobCommand,
    source: string
  ) => Effect.Effect<JobView, LogConflict | TransitionRefused | LogFull | LogUnavailable>
  /** Read, decide, append; on a conflict read again and decide again (bounded). For gateways and sweepers. */
  readonly change: (
    jobId: string,
    command: JobCommand | ((view: JobView) => JobCommand),
    source: string
  ) => Effect.Effect<JobView, TransitionRefused | LogFull | LogUnavailable>
  /** The stored events of one job after a sequence, oldest first. */
  readonly history: (jobId: string, afterSequence: number) => Effect.Effect<ReadonlyArray<StoredEvent>, LogUnavailable>
  /** Every event from a sequence on, in order, without gaps or repeats, for ever (re-made when the broker comes back). */
  readonly feed: (fromSequence: number) => Stream.Stream<StoredEvent, LogUnavailable>
  readonly state: Effect.Effect<LogState, LogUnavailable>
  /** Removes the job's events before its tombstone; the tombstone stays and refuses late writers. */
  readonly purgeBehind: (jobId: string, sequence: number) => Effect.Effect<void, LogUnavailable>
}>()("darkroom/platform/nats/JobLog") {}
