import { Deferred, Effect, Ref, Result } from "effect"
import type { Progress } from "../../contract/AgentMessages.ts"
import { outputBlobName } from "../../contract/subjects.ts"
import type { JobRecord, ImageRef } from "../../contract/Job.ts"
import type { JobCommand } from "../../contract/transitions.ts"
import { Blobs } from "../../platform/blobs/Blobs.ts"
import { JobLog, type JobView } from "../../platform/nats/JobLog.ts"
import type { WorkMessage } from "../../platform/nats/Lanes.ts"
import { Signals } from "../../platform/nats/Signals.ts"
import { Engine } from "../engine/Engine.ts"
import { RunFailed } from "../engine/errors.ts"
import type { EngineResult, EngineTimings } from "../engine/protocol.ts"
import type { ModelInvalid, StoredModel } from "../models/ModelStore.ts"
import { timestampNow } from "./claim.ts"
import { afterFailure, clipAll, ownershipOf } from "./outcome.ts"
import { patience } from "./patience.ts"

/** One job from its claim to its end, with everything that can happen to it in between. */

/** How it ended for this agent; `lost`: somebody else has it, and this agent says nothing more. */
export type HeldEnd = "ended" | "cancelled" | "lost" | "give back"

export interface HeldJob {
  readonly message: WorkMessage
  readonly agent: string
  readonly source: string
  /** Or why this agent cannot run it. */
  readonly model: Result.Result<StoredModel, ModelInvalid>
  /** The pictures, on their way since the claim. */
  readonly inputs: Effect.Effect<ReadonlyArray<Uint8Array>, RunFailed>
  /** The job as this agent last wrote it. */
  readonly view: Ref.Ref<JobView>
  /** Where the engine's time went, once it has a result. */
  readonly timings: Ref.Ref<EngineTimings | undefined>
  /** Called whenever the claim changes, so that heartbeats name it at once. */
  readonly onClaim: (view: JobView) => Effect.Effect<void>
  /** Somebody asked to cancel this job; look now. */
  readonly lookNow: Effect.Effect<void>
  /** Done when the agent must end now. */
  readonly giveBack: Deferred.Deferred<void>
}

/** Under the 2 s in which a cancelled job must stop, and far under the ack wait. */
const renewEveryMs = 1_000

const claimOf = ({ record }: JobView, agent: string) => ({ agent, job_id: record.job_id, attempt: record.attempt })

/** Writes the end of the job; `lost` when the log has gone on without this agent. */
const conclude = Effect.fnUntraced(function*(job: HeldJob, command: JobCommand): Effect.fn.Return<HeldEnd, never, JobLog> {
  const log = yield* JobLog
  const view = yield* Ref.get(job.view)
  const reread = log.read(view.record.job_id).pipe(Effect.retry(patience), Effect.orDie)
  return yield* log.append(view, command, job.source).pipe(
    Effect.retry({ schedule: patience, while: (error) => error._tag === "LogFull" || error._tag === "LogUnavailable" }),
    Effect.as("ended" as const),
    // An earlier try may have been stored without an answer: then the log already says what this agent wanted to say.
    Effect.catch(() => Effect.map(reread, (now) => (ownershipOf(now?.record, claimOf(view, job.agent)) === "ended" ? "ended" : "lost")))
  )
})

const storeOutputs = Effect.fnUntraced(function*(record: JobRecord, result: EngineResult) {
  const blobs = yield* Blobs
  return yield* Effect.forEach(result.images, (image) => {
    const name = outputBlobName(record.job_id, record.attempt, image.sha256)
    const { height, media_type, sha256, width } = image
    const ref: ImageRef = { name, sha256, bytes: image.bytes.length, media_type, width, height }
    return blobs.put(name, image.bytes, sha256).pipe(Effect.retry(patience), Effect.orDie, Effect.as(ref))
  })
})

const runEngine = Effect.fnUntraced(function*(job: HeldJob, { record }: JobView) {
  const engine = yield* Engine
  const signals = yield* Signals
  const { attempt, job_id, kind, parameters, prompt } = record
  const model = yield* Effect.fromResult(Result.mapError(job.model, ({ message }) => new RunFailed({ class: "model_error", message })))
  const inputs = yield* job.inputs
  const tell = (progress: Omit<Progress, "job_id" | "attempt" | "at">) =>
    Effect.flatMap(timestampNow, (at) => signals.progress({ job_id, attempt, at, ...progress }))
  return yield* engine.run(
    model,
    { _tag: "Run", job_id, model: record.model, kind, prompt, parameters, inputs },
    {
      timeoutMs: record.timeout_s * 1_000,
      onLoading: (loading) => tell({ phase: "loading", step: 0, steps: 0, loading }),
      onStep: (step, steps, text) => tell({ phase: "running", step, steps, ...(text === undefined ? {} : { text }) })
    }
  )
})

/** Rule 5: pictures first, then the event that names them. */
const finish = Effect.fn("worker.finish")(function*(job: HeldJob, result: EngineResult) {
  const { record } = yield* Ref.get(job.view)
  yield* Ref.set(job.timings, result.timings)
  const images = yield* storeOutputs(record, result)
  const at = yield* timestampNow
  const end = yield* conclude(job, {
    _tag: "Complete",
    agent: job.agent,
    attempt: record.attempt,
    output: {
      images,
      ...(result.text === undefined ? {} : { text: result.text }),
      ...(result.finish_reason === undefined ? {} : { finish_reason: result.finish_reason })
    },
    parameters: result.parameters,
    warnings: clipAll(result.warnings),
    actualTimeS: (Date.parse(at) - Date.parse(record.started_at ?? at)) / 1_000,
    at
  })
  if (end === "lost") yield* discard(images)
  return end
})

/** Nothing names these pictures. What cannot be removed now the sweeper finds. */
const discard = Effect.fnUntraced(function*(images: ReadonlyArray<ImageRef>) {
  const blobs = yield* Blobs
  yield* Effect.forEach(images, (image) => Effect.ignore(blobs.remove(image.name)), { discard: true })
})

/** Runs the job, again after a crash, and writes how it ended. */
const work = Effect.fnUntraced(function*(job: HeldJob): Effect.fn.Return<HeldEnd, never, JobLog | Blobs | Engine | Signals> {
  while (true) {
    const view = yield* Ref.get(job.view)
    const { agent, record: { attempt } } = { agent: job.agent, record: view.record }
    const result = yield* Effect.result(runEngine(job, view))
    if (result._tag === "Success") return yield* finish(job, result.success)
    const next = afterFailure(result.failure, view.record.attempts_counted)
    yield* Effect.logWarning("run failed").pipe(Effect.annotateLogs({ error: result.failure._tag, reason: result.failure.message, next: next._tag }))
    const at = yield* timestampNow
    if (next._tag === "Fail") return yield* conclude(job, { _tag: "Fail", by: { agent, attempt }, error: next.error, at })
    if (next._tag === "GiveBack") return "give back"
    if (!(yield* startAgain(job, view, at))) return "lost"
  }
})

/** The attempt is in the log before the engine sees the input again, so that a poison job is counted (rule 4). */
const startAgain = Effect.fnUntraced(function*(job: HeldJob, view: JobView, at: string) {
  const log = yield* JobLog
  const again = yield* log.append(
    view,
    { _tag: "Start", agent: job.agent, queuedSequence: view.queuedSequence, silent: true, at },
    job.source
  ).pipe(
    Effect.retry({ schedule: patience, while: (error) => error._tag === "LogFull" || error._tag === "LogUnavailable" }),
    Effect.catch(() =>
      Effect.map(log.read(view.record.job_id).pipe(Effect.retry(patience), Effect.orDie), (now) =>
        now !== undefined && ownershipOf(now.record, { ...claimOf(view, job.agent), attempt: view.record.attempt + 1 }) === "mine"
          ? now
          : undefined)
    )
  )
  if (again === undefined) return false
  yield* Ref.set(job.view, again)
  yield* job.onClaim(again)
  return true
})

/** Renews the message while the job is this agent's, by the record and by nothing else; ends when it is not. */
const keep = Effect.fnUntraced(function*(job: HeldJob): Effect.fn.Return<HeldEnd, never, JobLog> {
  const log = yield* JobLog
  while (true) {
    yield* Effect.raceFirst(Effect.sleep(renewEveryMs), job.lookNow)
    const view = yield* Ref.get(job.view)
    const now = yield* Effect.result(Effect.withTracerEnabled(log.read(view.record.job_id), false))
    // Without an answer it may be anybody's: say nothing, go on working, look again.
    if (now._tag === "Failure") continue
    const ownership = ownershipOf(now.success?.record, claimOf(view, job.agent))
    if (ownership === "mine") yield* Effect.ignore(job.message.working)
    if (ownership === "cancelled" || ownership === "lost") return ownership
  }
})

/** Long enough for a broker that restarts; the agent itself is about to be killed. */
const releaseTimeout = "5 seconds"

/** Gives the job back without counting the attempt. True when the log says so. */
const release = Effect.fnUntraced(function*(job: HeldJob, reason: string) {
  const log = yield* JobLog
  const view = yield* Ref.get(job.view)
  const command: JobCommand = { _tag: "Release", agent: job.agent, attempt: view.record.attempt, reason, at: yield* timestampNow }
  return yield* log.append(view, command, job.source).pipe(
    Effect.retry({ schedule: patience, while: (error) => error._tag === "LogFull" || error._tag === "LogUnavailable" }),
    Effect.as(true),
    Effect.timeoutOrElse({ duration: releaseTimeout, orElse: () => Effect.succeed(false) }),
    Effect.catch(() => Effect.succeed(false))
  )
})

/** Runs a claimed job to its end for this agent, and answers its message as the record allows. */
export const holdJob = Effect.fn("worker.job")(function*(job: HeldJob) {
  const end = yield* Effect.raceFirst(work(job), keep(job)).pipe(
    Effect.raceFirst(Effect.as(Deferred.await(job.giveBack), "give back" as const))
  )
  if (end === "ended" || end === "cancelled") yield* Effect.ignore(job.message.ack)
  if (end === "give back" && (yield* release(job, "the agent is ending or its engine cannot run"))) yield* Effect.ignore(job.message.nak(0))
  return end
})
