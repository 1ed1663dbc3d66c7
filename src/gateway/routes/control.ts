import { Clock, Effect } from "effect"
import type { Context } from "hono"
import type { ApiKeyRecord } from "../../contract/ApiKey.ts"
import { shareOf } from "../../contract/Lane.ts"
import { retriesByUserMax } from "../../contract/limits.ts"
import type { JobCommand } from "../../contract/transitions.ts"
import type { TransitionRefused } from "../../platform/nats/errors.ts"
import { JobLog, type JobView } from "../../platform/nats/JobLog.ts"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { Signals } from "../../platform/nats/Signals.ts"
import { source } from "../admission/Recorder.ts"
import { GatewayConfig } from "../config.ts"
import type { Env } from "../http.ts"
import { readJob, unknownJob } from "../jobs.ts"
import { type ApiProblem, problem } from "../problem.ts"
import { Projection } from "../projection/Projection.ts"

const refusals: Readonly<Record<string, string>> = {
  ended: "it has already ended",
  not_failed: "only a failed job can be retried",
  not_retryable: "its input is not valid; send it again with other input",
  retries_exhausted: `it was retried ${retriesByUserMax} times already`,
  not_queued: "it is not queued",
  not_ended: "it has not ended yet; cancel it first"
}

const refused = (verb: string) => (error: TransitionRefused): ApiProblem =>
  error.reason === "deleted" || error.reason === "unknown_job"
    ? unknownJob(error.job_id)
    : problem("conflict", `The job cannot be ${verb}: ${refusals[error.reason] ?? error.reason} (it is ${error.state}).`, {
      jobId: error.job_id
    })

const nowText = Effect.map(Clock.currentTimeMillis, (ms) => new Date(ms).toISOString())

/** Appends the command to a job that the key may see, and waits until the projection has it. */
const change = Effect.fnUntraced(function*(
  jobId: string,
  key: ApiKeyRecord,
  command: JobCommand | ((view: JobView) => JobCommand),
  verb: string
) {
  const log = yield* JobLog
  yield* readJob(jobId, key)
  const view = yield* log.change(jobId, command, source).pipe(Effect.catchTag("TransitionRefused", (error) => Effect.fail(refused(verb)(error))))
  yield* (yield* Projection).reach(view.last.sequence)
  return view
})

/** `POST /api/job/{job_id}/cancel`: recorded first; then the queue message goes and the agent is told. */
export const cancel = Effect.fnUntraced(function*(c: Context<Env>) {
  const jobId = c.req.param("job_id") ?? ""
  yield* change(jobId, c.get("key"), { _tag: "Cancel", at: yield* nowText }, "cancelled")
  const signals = yield* Signals
  const lanes = yield* Lanes
  yield* signals.cancel(jobId)
  // The sweeper purges what this misses.
  yield* lanes.purgeJob(jobId).pipe(Effect.ignore)
  return c.json({ status: "cancelled", job_id: jobId })
})

/** `POST /api/job/{job_id}/retry` */
export const retry = Effect.fnUntraced(function*(c: Context<Env>) {
  const jobId = c.req.param("job_id") ?? ""
  const key = c.get("key")
  const projection = yield* Projection
  const { queueTtlMs } = yield* GatewayConfig
  const before = yield* readJob(jobId, key)
  const nowMs = yield* Clock.currentTimeMillis
  const view = yield* change(jobId, key, {
    _tag: "Retry",
    share: shareOf(yield* projection.unfinishedOf(before.record.client, before.record.priority)),
    at: new Date(nowMs).toISOString(),
    queueDeadline: new Date(nowMs + queueTtlMs).toISOString()
  }, "retried")
  return c.json({ status: "requeued", job_id: jobId, retry_count: view.record.retry_count })
})
