import { Clock, Context, Deferred, Effect, Layer } from "effect"
import { randomUUID } from "node:crypto"
import { isEnded, type JobRecord } from "../../contract/Job.ts"
import { idempotencyWindowMs } from "../../contract/limits.ts"
import type { BlobsFull, BlobsUnavailable } from "../../platform/blobs/Blobs.ts"
import type { LogFull, LogUnavailable } from "../../platform/nats/errors.ts"
import { JobLog, type JobView } from "../../platform/nats/JobLog.ts"
import { type ApiProblem, problem, retryAfter } from "../problem.ts"
import { Projection } from "../projection/Projection.ts"
import { idempotentJobId } from "./identity.ts"
import { type Prepared, Recorder } from "./Recorder.ts"
import type { Submission } from "./Submission.ts"

/** `new`: recorded now; `attached`: an identical one is under way; `replayed`: the same Idempotency-Key was here before. */
export interface Admitted {
  readonly view: JobView
  readonly how: "new" | "attached" | "replayed"
}

export type AdmissionError = ApiProblem | LogUnavailable | LogFull | BlobsFull | BlobsUnavailable

const generationsMax = 1_000

/** Decides whether a submission is a new job, or one that was recorded before (job-log rule 16). */
export class Admission extends Context.Service<Admission, {
  readonly submit: (submission: Submission) => Effect.Effect<Admitted, AdmissionError>
}>()("darkroom/gateway/Admission") {
  static readonly layer = Layer.effect(Admission, Effect.suspend(() => make))
}

const isExpired = (record: JobRecord, nowMs: number): boolean =>
  record.state === "deleted" || nowMs - Date.parse(record.created_at) > idempotencyWindowMs

const replay = (view: JobView, requestHash: string): Effect.Effect<Admitted, ApiProblem> =>
  view.record.request_hash === requestHash
    ? Effect.succeed({ view, how: "replayed" })
    : problem("key-reused", "This Idempotency-Key was used for a request with another body; use a new key for a new request.")

const make = Effect.gen(function*() {
  const log = yield* JobLog
  const projection = yield* Projection
  const recorder = yield* Recorder
  /** Submissions being recorded right now, by client and hash: the projection does not know them yet. */
  const recording = new Map<string, Deferred.Deferred<JobView | undefined>>()

  const submitFresh = Effect.fnUntraced(function*(prepared: Prepared) {
    const view = yield* recorder.record(randomUUID(), prepared).pipe(
      Effect.catchTags({ LogConflict: Effect.die, TransitionRefused: Effect.die })
    )
    return { view, how: "new" } satisfies Admitted
  })

  /** The id of the first generation that is free or within its 24 hours, with the job that has it. */
  const idempotentJob = Effect.fnUntraced(function*(client: string, key: string) {
    const nowMs = yield* Clock.currentTimeMillis
    for (let generation = 0; generation < generationsMax; generation++) {
      const jobId = idempotentJobId(client, key, generation)
      const view = yield* log.read(jobId)
      if (view === undefined || !isExpired(view.record, nowMs)) return { jobId, view }
    }
    return yield* problem("conflict", "This Idempotency-Key was used too often; use a new one.")
  })

  /** Somebody else was faster with the same key: theirs is the job. */
  const lostTheRace = Effect.fnUntraced(function*(jobId: string, requestHash: string) {
    const winner = yield* log.read(jobId)
    if (winner !== undefined) return yield* replay(winner, requestHash)
    return yield* problem("unavailable", "The job could not be recorded; try again.", { headers: retryAfter(1) })
  })

  const submitIdempotent = Effect.fnUntraced(function*(prepared: Prepared, key: string) {
    const { requestHash, submission } = prepared
    const { jobId, view } = yield* idempotentJob(submission.client, key)
    if (view !== undefined) return yield* replay(view, requestHash)
    return yield* recorder.record(jobId, prepared).pipe(
      Effect.map((view): Admitted => ({ view, how: "new" })),
      Effect.catchTags({
        LogConflict: () => lostTheRace(jobId, requestHash),
        TransitionRefused: () => lostTheRace(jobId, requestHash)
      })
    )
  })

  const unfinishedTwin = Effect.fnUntraced(function*({ requestHash, submission }: Prepared) {
    const row = yield* projection.unfinishedLike(submission.client, requestHash)
    if (row === undefined) return undefined
    const view = yield* log.read(row.record.job_id)
    return view === undefined || isEnded(view.record.state) ? undefined : view
  })

  /** Tells those who wait for the same submission, and remembers it until the projection can answer for it. */
  const announce = Effect.fnUntraced(function*(slot: string, mine: Deferred.Deferred<JobView | undefined>, view: JobView | undefined) {
    yield* Deferred.succeed(mine, view)
    const forget = Effect.sync(() => {
      if (recording.get(slot) === mine) recording.delete(slot)
    })
    const known = view === undefined ? Effect.void : projection.reach(view.last.sequence)
    yield* Effect.forkDetach(Effect.andThen(known, forget))
  })

  const submitOrAttach = Effect.fnUntraced(function*(prepared: Prepared) {
    const slot = `${prepared.submission.client} ${prepared.requestHash}`
    const others = recording.get(slot)
    const twin = others === undefined ? undefined : yield* Deferred.await(others)
    if (twin !== undefined) return { view: twin, how: "attached" } satisfies Admitted
    const mine = Deferred.makeUnsafe<JobView | undefined>()
    if (!recording.has(slot)) recording.set(slot, mine)
    return yield* Effect.flatMap(unfinishedTwin(prepared), (view): Effect.Effect<Admitted, AdmissionError> =>
      view === undefined ? submitFresh(prepared) : Effect.succeed({ view, how: "attached" })
    ).pipe(
      Effect.onExit((exit) => announce(slot, mine, exit._tag === "Success" ? exit.value.view : undefined))
    )
  })

  const submit = Effect.fn("Admission.submit")(function*(submission: Submission): Effect.fn.Return<Admitted, AdmissionError> {
    const prepared = yield* recorder.prepare(submission)
    if (submission.idempotencyKey !== undefined) return yield* submitIdempotent(prepared, submission.idempotencyKey)
    // Who asks for a random seed asks for another picture each time.
    const mayAttach = submission.attach && submission.parameters.seed !== undefined
    return yield* mayAttach ? submitOrAttach(prepared) : submitFresh(prepared)
  })

  return Admission.of({ submit })
})
