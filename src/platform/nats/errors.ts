import { Schema } from "effect"

/** The broker did not answer in time, or not as expected. Retryable. */
export class LogUnavailable extends Schema.TaggedError<LogUnavailable>()("LogUnavailable", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the job log is not available: ${this.operation}`
  }
}

/** A stream or bucket has no room (10077). Retryable once room is made; nothing was written. */
export class LogFull extends Schema.TaggedError<LogFull>()("LogFull", { stream: Schema.String }) {
  override get message(): string {
    return `${this.stream} is full: raise its max_bytes, or wait until old events age out`
  }
}

/** Somebody else changed the job first (10071, 10164). Re-read and decide again. */
export class LogConflict extends Schema.TaggedError<LogConflict>()("LogConflict", { job_id: Schema.String }) {}

/** The state machine does not allow the command in the job's present state. Final. */
export class TransitionRefused extends Schema.TaggedError<TransitionRefused>()("TransitionRefused", {
  job_id: Schema.String,
  command: Schema.String,
  state: Schema.String,
  reason: Schema.String
}) {}

/** Cause of a `LogUnavailable`: a stream was deleted and made anew, or restored, so its sequences mean something else. */
export class StreamReplaced extends Schema.TaggedError<StreamReplaced>()("StreamReplaced", { stream: Schema.String }) {
  override get message(): string {
    return `${this.stream} was re-created or restored: read its state and begin again`
  }
}

/** The configuration of the broker or of a stream is wrong or weaker than promised; `problems` name each. */
export class MisconfiguredLog extends Schema.TaggedError<MisconfiguredLog>()("MisconfiguredLog", {
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `the job log is not configured as Darkroom needs it:\n- ${this.problems.join("\n- ")}`
  }
}
