import { attemptsPerRoundMax } from "../../contract/limits.ts"
import { durationMs } from "../../contract/GpuPool.ts"
import type { JobCommand } from "../../contract/transitions.ts"
import { isReadyFor } from "../admission/route.ts"
import type { PoolView } from "../pools/PoolRegistry.ts"
import type { JobRow } from "../projection/apply.ts"

/** What heals a job that nobody else will heal (job-log rule 9). Pure: what was seen in, a command or nothing out. */

/** An unfinished job, and what was found out about it. */
export interface SweptJob {
  readonly row: JobRow
  /** Whether WORK holds a message of its latest `queued`; `undefined`: not asked. */
  readonly hasMessage: boolean | undefined
  /** Whether its owner was silent for two heartbeat intervals. False for a queued job. */
  readonly ownerSilent: boolean
}

/** A message needs a moment to get from EVENTS to WORK. */
export const messageGraceMs = 10_000

const ageMs = (row: JobRow, nowMs: number): number => nowMs - Date.parse(row.record.started_at ?? row.record.queued_at)

/** Asked only of jobs that could lack one. */
export const needsMessageCheck = (row: JobRow, nowMs: number): boolean => ageMs(row, nowMs) > messageGraceMs

const isServedBy = (pool: PoolView | undefined, model: string): boolean => pool?.spec.models.includes(model) === true

const hasRoom = ({ spec, status }: PoolView): boolean =>
  status !== undefined && status.queue.readable && status.queue.depth < Math.max(1, spec.maxReplicas)

const fail = (errorClass: "agent_lost" | "expired" | "pool_deleted", message: string, at: string): JobCommand => ({
  _tag: "Fail",
  by: "sweeper",
  error: { class: errorClass, message },
  at
})

/** A queued job whose pool is gone, or no longer has the model: elsewhere if somebody serves it, else it fails. */
const rehome = ({ record }: JobRow, own: PoolView | undefined, pools: ReadonlyArray<PoolView>, at: string): JobCommand | undefined => {
  const ready = pools.find((pool) => isReadyFor(pool, record.model))
  if (ready !== undefined) return { _tag: "Move", pool: ready.name, at }
  if (pools.some((pool) => isServedBy(pool, record.model))) return undefined
  const why = own === undefined ? "is gone" : "has given up this model"
  return fail("pool_deleted", `The pool "${record.pool}" ${why} and no other serves "${record.model}"; retry when one does.`, at)
}

const spill = (row: JobRow, own: PoolView, pools: ReadonlyArray<PoolView>, nowMs: number): JobCommand | undefined => {
  const afterMs = durationMs(own.spec.scaling.spillAfter)
  if (afterMs === 0 || nowMs - Date.parse(row.record.queued_at) < afterMs) return undefined
  const other = pools.find((pool) => pool.name !== own.name && isReadyFor(pool, row.record.model) && hasRoom(pool))
  return other === undefined ? undefined : { _tag: "Move", pool: other.name, at: new Date(nowMs).toISOString() }
}

/** Back into the queue, or failed when its attempts are used up. */
const restart = ({ record }: JobRow, at: string): JobCommand =>
  record.attempts_counted < attemptsPerRoundMax
    ? { _tag: "Requeue", at }
    : fail("agent_lost", `The job was lost with its agent ${attemptsPerRoundMax} times.`, at)

/** `undefined`: they cannot be looked up now, which is not that all are gone. */
export type KnownPools = ReadonlyArray<PoolView> | undefined

const relocate = (row: JobRow, pools: KnownPools, nowMs: number): JobCommand | undefined => {
  if (pools === undefined) return undefined
  const own = pools.find((pool) => pool.name === row.record.pool)
  return own === undefined || !isServedBy(own, row.record.model) ? rehome(row, own, pools, new Date(nowMs).toISOString()) : spill(row, own, pools, nowMs)
}

/** `undefined`: leave it alone. */
export const planJob = (job: SweptJob, pools: KnownPools, nowMs: number): JobCommand | undefined => {
  const { hasMessage, ownerSilent, row } = job
  const { record } = row
  const at = new Date(nowMs).toISOString()
  if (record.state === "processing") {
    // In a pool that goes or has given the model up, nobody is left to take over a message that the lost agent still holds.
    const isLeft = pools !== undefined && !isServedBy(pools.find((pool) => pool.name === record.pool), record.model)
    return ownerSilent && (hasMessage === false || isLeft) ? restart(row, at) : undefined
  }
  if (record.state !== "queued") return undefined
  if (nowMs > Date.parse(record.queue_deadline)) {
    return fail("expired", `No agent took the job before ${record.queue_deadline}.`, at)
  }
  return relocate(row, pools, nowMs) ?? (hasMessage === false ? restart(row, at) : undefined)
}

export interface StoredBlob {
  readonly name: string
  readonly modifiedAt: Date
}

const orphanAgeMs = 60 * 60 * 1000

/** Old enough to be nobody's: the job, if there is one, had an hour to name it. */
export const mayBeOrphan = (blob: StoredBlob, nowMs: number): boolean => nowMs - blob.modifiedAt.getTime() > orphanAgeMs

export const jobOfBlob = (name: string): string => name.split("/")[0]!

/** The next few of a list that is gone through bit by bit, again and again; `next` is where to go on. */
export const inTurn = <A>(all: ReadonlyArray<A>, from: number, most: number): { readonly chosen: ReadonlyArray<A>; readonly next: number } => {
  if (all.length <= most) return { chosen: all, next: 0 }
  const start = from >= all.length ? 0 : from
  return { chosen: all.slice(start, start + most), next: start + most }
}
