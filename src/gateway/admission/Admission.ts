import { Clock, Context, Deferred, Effect, Layer, Result } from "effect"
import { randomInt, randomUUID } from "node:crypto"
import { type ImageRef, isEnded, type JobRecord, jobSchemaVersion } from "../../contract/Job.ts"
import { shareOf } from "../../contract/Lane.ts"
import { idempotencyWindowMs } from "../../contract/limits.ts"
import { inputBlobName } from "../../contract/subjects.ts"
import { Blobs, type BlobsFull, type BlobsUnavailable } from "../../platform/blobs/Blobs.ts"
import { inspect } from "../../platform/images/inspect.ts"
import { Capacity } from "../../platform/nats/Capacity.ts"
import type { LogFull, LogUnavailable } from "../../platform/nats/errors.ts"
import { JobLog, type JobView } from "../../platform/nats/JobLog.ts"
import { currentTraceparent } from "../../platform/telemetry/traceparent.ts"
import { defaultModels, GatewayConfig } from "../config.ts"
import { PoolRegistry } from "../pools/PoolRegistry.ts"
import { type ApiProblem, invalidField, problem, retryAfter } from "../problem.ts"
import { Projection } from "../projection/Projection.ts"
import { idempotentJobId, requestHash, sha256Hex } from "./identity.ts"
import { chooseDestination, type Destination, explainNoDestination } from "./route.ts"
import type { Submission } from "./Submission.ts"

/** `new`: recorded now; `attached`: an identical one is under way; `replayed`: the same Idempotency-Key was here before. */
export interface Admitted {
  readonly view: JobView
  readonly how: "new" | "attached" | "replayed"
}

export type AdmissionError = ApiProblem | LogUnavailable | LogFull | BlobsFull | BlobsUnavailable

export const source = "/darkroom/gateway"
const generationsMax = 1_000
const maxSeed = 2 ** 32

/** Turns a valid request into a recorded job: checks the image, finds a pool, stores the image, appends `queued`. */
export class Admission extends Context.Service<Admission, {
  readonly submit: (submission: Submission) => Effect.Effect<Admitted, AdmissionError>
}>()("darkroom/gateway/Admission") {
  static readonly layer = Layer.effect(Admission, Effect.suspend(() => make))
}

interface Picture {
  readonly bytes: Uint8Array
  readonly sha256: string
  readonly mediaType: ImageRef["media_type"]
  readonly width: number
  readonly height: number
}

const isExpired = (record: JobRecord, nowMs: number): boolean =>
  record.state === "deleted" || nowMs - Date.parse(record.created_at) > idempotencyWindowMs

const keyReused = () =>
  problem("key-reused", "This Idempotency-Key was used for a request with another body; use a new key for a new request.")

const make = Effect.gen(function*() {
  const log = yield* JobLog
  const blobs = yield* Blobs
  const capacity = yield* Capacity
  const pools = yield* PoolRegistry
  const projection = yield* Projection
  const config = yield* GatewayConfig
  const models = defaultModels(config)
  /** Submissions being recorded right now, by client and hash: the projection does not know them yet. */
  const recording = new Map<string, Deferred.Deferred<JobView | undefined>>()

  const refuseWhenFull = Effect.gen(function*() {
    const { full } = yield* capacity.check
    if (full === undefined) return
    return yield* problem("no-room", `The queue is full (${full} is nearly out of space); try again later.`, {
      headers: retryAfter(30)
    })
  })

  const destination = Effect.fnUntraced(function*(submission: Submission) {
    const chosen = chooseDestination(yield* pools.all, {
      kind: submission.kind,
      model: submission.model,
      defaultModel: models[submission.kind],
      defaultEditPool: config.defaultEditPool
    })
    return yield* Effect.fromResult(Result.mapError(chosen, (failure) =>
      problem("no-pool", explainNoDestination(failure), failure.reason === "not_ready" ? { headers: retryAfter(5) } : {})))
  })

  const inspectImage = Effect.fnUntraced(function*({ image, imageField }: Submission) {
    if (image === undefined) return undefined
    const info = yield* inspect(image).pipe(Effect.mapError((error) => invalidField(imageField, error.message)))
    return { ...info, bytes: image, sha256: sha256Hex(image) } satisfies Picture
  })

  const buildRecord = Effect.fnUntraced(function*(
    jobId: string,
    submission: Submission,
    { model, pool }: Destination,
    picture: Picture | undefined,
    hash: string
  ) {
    const nowMs = yield* Clock.currentTimeMillis
    const now = new Date(nowMs).toISOString()
    const unfinished = yield* projection.unfinishedOf(submission.client, submission.priority)
    const traceparent = yield* currentTraceparent
    const inputs: ReadonlyArray<ImageRef> = picture === undefined ? [] : [{
      name: inputBlobName(jobId, picture.sha256),
      sha256: picture.sha256,
      bytes: picture.bytes.byteLength,
      media_type: picture.mediaType,
      width: picture.width,
      height: picture.height
    }]
    return {
      schema_version: jobSchemaVersion,
      job_id: jobId,
      kind: submission.kind,
      state: "queued",
      pool,
      model,
      priority: submission.priority,
      share: shareOf(unfinished),
      client: submission.client,
      client_id: submission.clientId,
      prompt: submission.prompt,
      parameters: { ...submission.parameters, seed: submission.parameters.seed ?? randomInt(maxSeed) },
      inputs,
      created_at: now,
      queued_at: now,
      queue_deadline: new Date(nowMs + config.queueTtlMs).toISOString(),
      timeout_s: config.jobTimeoutMs / 1000,
      attempt: 0,
      attempts_counted: 0,
      retry_count: 0,
      warnings: submission.warnings,
      request_hash: hash,
      ...(traceparent === undefined ? {} : { traceparent })
    } satisfies JobRecord
  })

  /** Image first, then the event that names it; a crash in between leaves an orphan for the sweeper. */
  const record = Effect.fnUntraced(function*(
    jobId: string,
    submission: Submission,
    to: Destination,
    picture: Picture | undefined,
    hash: string
  ) {
    const job = yield* buildRecord(jobId, submission, to, picture, hash)
    if (picture !== undefined) yield* blobs.put(job.inputs[0]!.name, picture.bytes, picture.sha256)
    return yield* log.append(undefined, { _tag: "Submit", record: job }, source)
  })

  const settleReplay = (view: JobView, hash: string): Effect.Effect<Admitted, ApiProblem> =>
    view.record.request_hash === hash ? Effect.succeed({ view, how: "replayed" }) : Effect.fail(keyReused())

  /** The id of the generation that is still free or within its 24 hours, with the job that has it. */
  const idempotentJob = Effect.fnUntraced(function*(client: string, key: string) {
    const nowMs = yield* Clock.currentTimeMillis
    for (let generation = 0; generation < generationsMax; generation++) {
      const jobId = idempotentJobId(client, key, generation)
      const view = yield* log.read(jobId)
      if (view === undefined || !isExpired(view.record, nowMs)) return { jobId, view }
    }
    return yield* problem("conflict", "This Idempotency-Key was used too often; use a new one.")
  })

  const submitIdempotent = Effect.fnUntraced(function*(
    submission: Submission,
    key: string,
    picture: Picture | undefined,
    hash: string
  ): Effect.fn.Return<Admitted, AdmissionError> {
    const { jobId, view } = yield* idempotentJob(submission.client, key)
    if (view !== undefined) return yield* settleReplay(view, hash)
    const to = yield* destination(submission)
    return yield* record(jobId, submission, to, picture, hash).pipe(
      Effect.map((view): Admitted => ({ view, how: "new" })),
      // Somebody else was faster with the same key: theirs is the job.
      Effect.catchTags({
        LogConflict: () => lostTheRace(jobId, hash),
        TransitionRefused: () => lostTheRace(jobId, hash)
      })
    )
  })

  const lostTheRace = Effect.fnUntraced(function*(jobId: string, hash: string) {
    const winner = yield* log.read(jobId)
    if (winner === undefined) return yield* problem("unavailable", "The job could not be recorded; try again.", { headers: retryAfter(1) })
    return yield* settleReplay(winner, hash)
  })

  const submitFresh = Effect.fnUntraced(function*(submission: Submission, picture: Picture | undefined, hash: string) {
    const to = yield* destination(submission)
    return yield* record(randomUUID(), submission, to, picture, hash).pipe(
      Effect.catchTags({ LogConflict: Effect.die, TransitionRefused: Effect.die }),
      Effect.map((view): Admitted => ({ view, how: "new" }))
    )
  })

  const unfinishedTwin = Effect.fnUntraced(function*(client: string, hash: string) {
    const row = yield* projection.unfinishedLike(client, hash)
    if (row === undefined) return undefined
    const view = yield* log.read(row.record.job_id)
    return view === undefined || isEnded(view.record.state) ? undefined : view
  })

  const submitOrAttach = Effect.fnUntraced(function*(
    submission: Submission,
    picture: Picture | undefined,
    hash: string
  ): Effect.fn.Return<Admitted, AdmissionError> {
    const slot = `${submission.client} ${hash}`
    const other = recording.get(slot)
    const twin = other === undefined ? undefined : yield* Deferred.await(other)
    if (twin !== undefined) return { view: twin, how: "attached" }
    const mine = Deferred.makeUnsafe<JobView | undefined>()
    if (!recording.has(slot)) recording.set(slot, mine)
    const release = Effect.sync(() => {
      if (recording.get(slot) === mine) recording.delete(slot)
    })
    return yield* Effect.gen(function*() {
      const unfinished = yield* unfinishedTwin(submission.client, hash)
      if (unfinished !== undefined) return { view: unfinished, how: "attached" } as const
      return yield* submitFresh(submission, picture, hash)
    }).pipe(
      Effect.onExit((exit) =>
        Effect.gen(function*() {
          const view = exit._tag === "Success" ? exit.value.view : undefined
          yield* Deferred.succeed(mine, view)
          // Kept until the projection can answer for it.
          yield* Effect.forkDetach(
            (view === undefined ? Effect.void : projection.reach(view.last.sequence)).pipe(Effect.andThen(release))
          )
        })
      )
    )
  })

  const submit = Effect.fn("Admission.submit")(function*(submission: Submission) {
    const [picture] = yield* Effect.all([inspectImage(submission), refuseWhenFull, projection.catchUp], {
      concurrency: "unbounded"
    })
    const hash = requestHash({
      ...submission,
      imageSha256: picture?.sha256
    })
    if (submission.idempotencyKey !== undefined) {
      return yield* submitIdempotent(submission, submission.idempotencyKey, picture, hash)
    }
    // Who asks for a random seed asks for another picture each time.
    const mayAttach = submission.attach && submission.parameters.seed !== undefined
    return yield* mayAttach ? submitOrAttach(submission, picture, hash) : submitFresh(submission, picture, hash)
  })

  return Admission.of({ submit })
})
