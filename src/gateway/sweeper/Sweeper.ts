import { Clock, Context, Effect, Layer, Schedule } from "effect"
import { isEnded } from "../../contract/Job.ts"
import type { JobCommand } from "../../contract/transitions.ts"
import { Blobs } from "../../platform/blobs/Blobs.ts"
import { JobLog } from "../../platform/nats/JobLog.ts"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { GatewayConfig } from "../config.ts"
import { PoolRegistry } from "../pools/PoolRegistry.ts"
import type { JobRow } from "../projection/apply.ts"
import { Projection } from "../projection/Projection.ts"
import { inTurn, jobOfBlob, mayBeOrphan, needsMessageCheck, planJob, type SweptJob } from "./plan.ts"

/** Bounds of one sweep; what is left over comes next time. */
const jobsMax = 10_000
const messageChecksMax = 500
const endedMax = 500
const blobSweepEveryMs = 10 * 60 * 1000
const blobChecksMax = 1_000
/** The agent that ended a job may be about to acknowledge its message. */
const messageGraceForAckMs = 5_000
const concurrency = 8
const source = "/darkroom/gateway/sweeper"

export interface Swept {
  /** Jobs changed by this sweep, with the command that did it. */
  readonly changed: ReadonlyArray<{ readonly jobId: string; readonly command: JobCommand["_tag"] }>
  readonly purged: number
}

/** Heals jobs that nobody else is alive to heal. Only compare-and-swap writes, so that any number may sweep at once. */
export class Sweeper extends Context.Service<Sweeper, {
  readonly sweep: Effect.Effect<Swept>
  /** Removes blobs that no job names; returns how many. */
  readonly sweepBlobs: Effect.Effect<number>
}>()("darkroom/gateway/Sweeper") {
  static readonly layer = Layer.effect(Sweeper, Effect.suspend(() => make))

  /** Sweeps every SWEEP_INTERVAL until the scope closes. */
  static readonly layerLoop = Layer.effectDiscard(Effect.gen(function*() {
    const sweeper = yield* Sweeper
    const { sweepIntervalMs } = yield* GatewayConfig
    const survive = Effect.catchCause((cause) => Effect.logWarning("a sweep failed; the next one tries again", cause))
    yield* sweeper.sweep.pipe(Effect.asVoid, survive, Effect.repeat(Schedule.spaced(sweepIntervalMs)), Effect.delay(sweepIntervalMs), Effect.forkScoped)
    yield* sweeper.sweepBlobs.pipe(Effect.asVoid, survive, Effect.repeat(Schedule.spaced(blobSweepEveryMs)), Effect.delay(sweepIntervalMs), Effect.forkScoped)
  }))
}

const make = Effect.gen(function*() {
  const blobs = yield* Blobs
  const lanes = yield* Lanes
  const log = yield* JobLog
  const pools = yield* PoolRegistry
  const presence = yield* Presence
  const projection = yield* Projection
  // Where the rotation through long queues and many blobs goes on, and up to where ended jobs were looked at.
  let nextCheck = 0
  let nextBlob = 0
  let endedAfter: number | undefined

  const examine = Effect.fnUntraced(function*(row: JobRow) {
    const { agent, attempt, job_id, state } = row.record
    const hasMessage = yield* lanes.holds(job_id, row.queuedSequence).pipe(
      Effect.catchTag("LogUnavailable", () => Effect.undefined)
    )
    const ownerSilent = hasMessage !== undefined && state === "processing" && agent !== undefined &&
      (yield* presence.isSilent({ agent, job_id, attempt }))
    return { row, hasMessage, ownerSilent } satisfies SweptJob
  })

  /** The next few of those that could lack a message, so that a long queue is gone through bit by bit. */
  const rowsToExamine = (rows: ReadonlyArray<JobRow>, nowMs: number): ReadonlyArray<JobRow> => {
    const { chosen, next } = inTurn(rows.filter((row) => needsMessageCheck(row, nowMs)), nextCheck, messageChecksMax)
    nextCheck = next
    return chosen
  }

  /** Only when the leader still has the job as the plan saw it. */
  const act = Effect.fnUntraced(function*(row: JobRow, command: JobCommand) {
    const view = yield* log.read(row.record.job_id)
    if (view === undefined || view.last.sequence !== row.sequence) return false
    yield* log.append(view, command, source)
    if (command._tag === "Fail") yield* lanes.purgeJob(row.record.job_id)
    // An agent would drop it, but in a pool that goes there may be none, and the pool waits for its lanes to be empty.
    if (command._tag === "Move") yield* lanes.purgeJob(row.record.job_id, row.record.pool)
    yield* Effect.logInfo(`swept job ${row.record.job_id}: ${command._tag}`)
    return true
  }, Effect.catch((error) =>
    error._tag === "LogConflict" || error._tag === "TransitionRefused"
      ? Effect.succeed(false)
      : Effect.as(Effect.logWarning(`the sweeper could not write: ${error._tag}`), false)))

  const sweepUnfinished = Effect.gen(function*() {
    const nowMs = yield* Clock.currentTimeMillis
    const rows = yield* projection.unfinished(jobsMax)
    const views = (yield* pools.isKnown) ? yield* pools.all : undefined
    const examined = new Map<string, SweptJob>()
    yield* Effect.forEach(rowsToExamine(rows, nowMs), (row) =>
      Effect.map(examine(row), (job) => void examined.set(row.record.job_id, job)), { concurrency, discard: true })
    const changed: Array<{ readonly jobId: string; readonly command: JobCommand["_tag"] }> = []
    yield* Effect.forEach(rows, Effect.fnUntraced(function*(row) {
      const jobId = row.record.job_id
      const job = examined.get(jobId) ?? { row, hasMessage: undefined, ownerSilent: false }
      const command = planJob(job, views, nowMs)
      if (command !== undefined && (yield* act(row, command))) changed.push({ jobId, command: command._tag })
    }), { concurrency, discard: true })
    return changed
  })

  /** A message of an ended job would start a GPU only to be dropped there. */
  const purgeEnded = Effect.gen(function*() {
    const nowMs = yield* Clock.currentTimeMillis
    const rows = yield* projection.endedAfter(endedAfter ?? 0, endedMax)
    let purged = 0
    for (const row of rows) {
      const { job_id } = row.record
      if (nowMs - Date.parse(row.record.ended_at ?? row.record.queued_at) < messageGraceForAckMs) break
      if (yield* lanes.holds(job_id, row.queuedSequence)) {
        const view = yield* log.read(job_id)
        if (view === undefined || isEnded(view.record.state)) {
          yield* lanes.purgeJob(job_id)
          purged += 1
        }
      }
      endedAfter = row.sequence
    }
    return purged
  }).pipe(Effect.catchTag("LogUnavailable", () => Effect.succeed(0)))

  const isOrphan = Effect.fnUntraced(function*(name: string) {
    const view = yield* log.read(jobOfBlob(name))
    if (view === undefined || view.record.state === "deleted") return true
    if (!isEnded(view.record.state)) return false
    const named = [...view.record.inputs, ...(view.record.output?.images ?? [])]
    return !named.some((image) => image.name === name)
  })

  const sweepBlobs = Effect.gen(function*() {
    const nowMs = yield* Clock.currentTimeMillis
    // Most old blobs belong to a job: always the first ones would hide every orphan behind them.
    const { chosen: old, next } = inTurn((yield* blobs.list).filter((blob) => mayBeOrphan(blob, nowMs)), nextBlob, blobChecksMax)
    nextBlob = next
    let removed = 0
    yield* Effect.forEach(old, Effect.fnUntraced(function*({ name }) {
      if (!(yield* isOrphan(name))) return
      yield* blobs.remove(name)
      removed += 1
    }), { concurrency, discard: true })
    return removed
  }).pipe(Effect.catchTags({ LogUnavailable: () => Effect.succeed(0), BlobsUnavailable: () => Effect.succeed(0) }))

  const sweep = Effect.gen(function*() {
    const changed = yield* sweepUnfinished
    return { changed, purged: yield* purgeEnded }
  }).pipe(Effect.withSpan("Sweeper.sweep"))

  return Sweeper.of({ sweep, sweepBlobs })
})
