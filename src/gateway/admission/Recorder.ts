import { Clock, Context, Effect, Layer, Result } from "effect"
import { randomInt } from "node:crypto"
import type { JobRecord } from "../../contract/Job.ts"
import { misfitOf } from "../../contract/modelFit.ts"
import { Blobs, type BlobsFull, type BlobsUnavailable } from "../../platform/blobs/Blobs.ts"
import { inspect } from "../../platform/images/inspect.ts"
import { installedManifest } from "../../platform/models/manifests.ts"
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
import type { Submission, SubmittedImage } from "./Submission.ts"

/** A submission whose images were looked into and hashed. */
export interface Prepared {
  readonly submission: Submission
  readonly pictures: ReadonlyArray<Picture>
  readonly requestHash: string
}

export const source = "/darkroom/gateway"
const maxSeed = 2 ** 32

/** Makes jobs of submissions, whoever decides which ones become one. */
export class Recorder extends Context.Service<Recorder, {
  /** Checks the images and that there is room; brings the projection up to date meanwhile. */
  readonly prepare: (submission: Submission) => Effect.Effect<Prepared, ApiProblem | LogUnavailable>
  /** Finds a pool whose model can do it, stores the images, then appends the event that names them: `queued`, if the id is still free. */
  readonly record: (
    jobId: string,
    prepared: Prepared
  ) => Effect.Effect<JobView, ApiProblem | BlobsFull | BlobsUnavailable | LogConflict | LogFull | LogUnavailable | TransitionRefused>
}>()("darkroom/gateway/Recorder") {
  static readonly layer = Layer.effect(Recorder, Effect.suspend(() => make))
}

const inspectImage = Effect.fnUntraced(function*({ bytes, field }: SubmittedImage) {
  const info = yield* inspect(bytes).pipe(Effect.mapError((error) => invalidField(field, error.message)))
  return { ...info, bytes, sha256: sha256Hex(bytes) } satisfies Picture
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
    const [pictures] = yield* Effect.all([Effect.forEach(submission.images, inspectImage), refuseWhenFull, projection.catchUp], {
      concurrency: "unbounded"
    })
    return { submission, pictures, requestHash: requestHash({ ...submission, imageSha256s: pictures.map(({ sha256 }) => sha256) }) }
  })

  const destinationOf = Effect.fnUntraced(function*({ kind, model }: Submission) {
    const { defaultEditPool } = config
    const chosen = chooseDestination(yield* pools.all, { kind, model, defaultModel: models[kind], defaultEditPool })
    return yield* Effect.fromResult(Result.mapError(chosen, (failure) =>
      problem("no-pool", explainNoDestination(failure), failure.reason === "not_ready" ? { headers: retryAfter(5) } : {})))
  })

  /**
   * What a model whose manifest this machine has cannot do is refused before anything is stored; any other is held to
   * its manifest by the agent. Most requests ask for nothing that could be refused, so no file is read for them.
   */
  const refuseMisfit = Effect.fnUntraced(function*({ images, kind, model: named, parameters }: Submission, model: string) {
    if (named === undefined && images.length <= 1 && parameters.loras === undefined) return
    const manifest = yield* installedManifest(config.modelsDir, model)
    const misfit = manifest === undefined ? undefined : misfitOf(manifest, { kind, images: images.length, parameters })
    if (misfit !== undefined) return yield* invalidField(misfit.field, misfit.message)
  })

  /** The same picture given twice is one object. */
  const store = (job: JobRecord, pictures: ReadonlyArray<Picture>) => {
    const byName = new Map(job.inputs.map(({ name }, i) => [name, pictures[i]!]))
    return Effect.forEach(byName, ([name, { bytes, sha256 }]) => blobs.put(name, bytes, sha256), { discard: true })
  }

  // A crash after an image was stored leaves an orphan for the sweeper.
  const record = Effect.fn("Recorder.record")(function*(jobId: string, prepared: Prepared) {
    const { pictures, submission } = prepared
    const destination = yield* destinationOf(submission)
    yield* refuseMisfit(submission, destination.model)
    const job = newRecord({
      ...prepared,
      jobId,
      destination,
      randomSeed: randomInt(maxSeed),
      unfinishedJobs: yield* projection.unfinishedOf(submission.client, submission.priority),
      nowMs: yield* Clock.currentTimeMillis,
      queueTtlMs: config.queueTtlMs,
      timeoutMs: config.jobTimeoutMs,
      traceparent: yield* currentTraceparent
    })
    yield* store(job, pictures)
    return yield* log.append(undefined, { _tag: "Submit", record: job }, source)
  })

  return Recorder.of({ prepare, record })
})
