import { Clock, Context, Effect, Layer, Result } from "effect"
import { randomInt } from "node:crypto"
import { Blobs, type BlobsFull, type BlobsUnavailable } from "../../platform/blobs/Blobs.ts"
import { inspect } from "../../platform/images/inspect.ts"
import { Capacity } from "../../platform/nats/Capacity.ts"
import type { LogConflict, LogFull, LogUnavailable, TransitionRefused } from "../../platform/nats/errors.ts"
import { JobLog, type JobView } from "../../platform/nats/JobLog.ts"
import { currentTraceparent } from "../../platform/telemetry/traceparent.ts"
import { defaultModels, GatewayConfig } from "../config.ts"
import { PoolRegistry } from "../pools/PoolRegistry.ts"
import { type ApiProblem, invalidField, problem, retryAfter } from "../problem.ts"
import { Projection } from "../projection/Projection.ts"
import { requestHash, sha256Hex } from "./identity.ts"
import { newRecord, type Picture } from "./record.ts"
import { chooseDestination, explainNoDestination } from "./route.ts"
import type { Submission } from "./Submission.ts"

/** A submission whose image was looked into and hashed. */
export interface Prepared {
  readonly submission: Submission
  readonly picture: Picture | undefined
  readonly requestHash: string
}

export const source = "/darkroom/gateway"
const maxSeed = 2 ** 32

/** Makes jobs of submissions, whoever decides which ones become one. */
export class Recorder extends Context.Service<Recorder, {
  /** Checks the image and that there is room; brings the projection up to date meanwhile. */
  readonly prepare: (submission: Submission) => Effect.Effect<Prepared, ApiProblem | LogUnavailable>
  /** Finds a pool, stores the image, then appends the event that names it: `queued`, if the id is still free. */
  readonly record: (
    jobId: string,
    prepared: Prepared
  ) => Effect.Effect<JobView, ApiProblem | BlobsFull | BlobsUnavailable | LogConflict | LogFull | LogUnavailable | TransitionRefused>
}>()("darkroom/gateway/Recorder") {
  static readonly layer = Layer.effect(Recorder, Effect.suspend(() => make))
}

const inspectImage = Effect.fnUntraced(function*({ image, imageField }: Submission) {
  if (image === undefined) return undefined
  const info = yield* inspect(image).pipe(Effect.mapError((error) => invalidField(imageField, error.message)))
  return { ...info, bytes: image, sha256: sha256Hex(image) } satisfies Picture
})

const make = Effect.gen(function*() {
  const blobs = yield* Blobs
  const capacity = yield* Capacity
  const config = yield* GatewayConfig
  const log = yield* JobLog
  const pools = yield* PoolRegistry
  const projection = yield* Projection
  const models = defaultModels(config)

  const refuseWhenFull = Effect.gen(function*() {
    const { full } = yield* capacity.check
    if (full === undefined) return
    return yield* problem("no-room", `The queue is full (${full} is nearly out of space); try again later.`, {
      headers: retryAfter(30)
    })
  })

  const prepare = Effect.fn("Recorder.prepare")(function*(submission: Submission) {
    const [picture] = yield* Effect.all([inspectImage(submission), refuseWhenFull, projection.catchUp], {
      concurrency: "unbounded"
    })
    return { submission, picture, requestHash: requestHash({ ...submission, imageSha256: picture?.sha256 }) }
  })

  const destinationOf = Effect.fnUntraced(function*({ kind, model }: Submission) {
    const { defaultEditPool } = config
    const chosen = chooseDestination(yield* pools.all, { kind, model, defaultModel: models[kind], defaultEditPool })
    return yield* Effect.fromResult(Result.mapError(chosen, (failure) =>
      problem("no-pool", explainNoDestination(failure), failure.reason === "not_ready" ? { headers: retryAfter(5) } : {})))
  })

  // A crash after the image was stored leaves an orphan for the sweeper.
  const record = Effect.fn("Recorder.record")(function*(jobId: string, prepared: Prepared) {
    const { picture, submission } = prepared
    const job = newRecord({
      ...prepared,
      jobId,
      destination: yield* destinationOf(submission),
      randomSeed: randomInt(maxSeed),
      unfinishedJobs: yield* projection.unfinishedOf(submission.client, submission.priority),
      nowMs: yield* Clock.currentTimeMillis,
      queueTtlMs: config.queueTtlMs,
      timeoutMs: config.jobTimeoutMs,
      traceparent: yield* currentTraceparent
    })
    if (picture !== undefined) yield* blobs.put(job.inputs[0]!.name, picture.bytes, picture.sha256)
    return yield* log.append(undefined, { _tag: "Submit", record: job }, source)
  })

  return Recorder.of({ prepare, record })
})
