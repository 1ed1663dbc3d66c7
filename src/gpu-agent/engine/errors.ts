import { Schema } from "effect"
import { ErrorClass } from "../../contract/ErrorClass.ts"

/** The model reported a failure. Final: trying again gives the same. */
export class RunFailed extends Schema.TaggedError<RunFailed>()("RunFailed", {
  class: ErrorClass,
  message: Schema.String
}) {}

/** The engine process ended in the middle. Another attempt may succeed. */
export class EngineCrashed extends Schema.TaggedError<EngineCrashed>()("EngineCrashed", { message: Schema.String }) {}

/** The run was longer than the job allows; its process was killed. */
export class EngineTimeout extends Schema.TaggedError<EngineTimeout>()("EngineTimeout", { timeoutMs: Schema.Finite }) {
  override get message(): string {
    return `the model did not finish within ${this.timeoutMs / 1000} s`
  }
}

/** The engine process grew beyond its memory limit and was killed, before the system would have killed the agent too. */
export class EngineOutOfMemory extends Schema.TaggedError<EngineOutOfMemory>()("EngineOutOfMemory", {
  limitBytes: Schema.Int
}) {
  override get message(): string {
    return `the model needed more than ${Math.round(this.limitBytes / 1024 ** 2)} MiB of memory (ENGINE_MEMORY_MAX_BYTES)`
  }
}

/** There is no engine, and none is coming: set-up failed, or it ended too often. */
export class EngineUnavailable extends Schema.TaggedError<EngineUnavailable>()("EngineUnavailable", {
  message: Schema.String
}) {}

export type EngineError = RunFailed | EngineCrashed | EngineTimeout | EngineOutOfMemory | EngineUnavailable
