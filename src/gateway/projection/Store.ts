import { Schema } from "effect"
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync, type StatementSync } from "node:sqlite"
import type { JobRecord, JobState } from "../../contract/Job.ts"
import type { StoredEvent } from "../../contract/JobEvent.ts"
import { applyEvent, type CountDelta, type JobRow } from "./apply.ts"
import { createTables, perSubmission, schemaVersion } from "./sql.ts"

/** The projection's file cannot be used and is not simply out of date. */
export class ProjectionError extends Schema.TaggedError<ProjectionError>()("ProjectionError", {
  path: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `cannot open ${this.path}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}. ` +
      "Is another gateway using this DATA_DIR? Each needs its own."
  }
}

/** How far the log was applied; valid only in the life of the stream that it was taken in. */
export interface Cursor {
  readonly createdAt: string
  readonly sequence: number
}

export interface HistoryQuery {
  /** All clients when undefined. */
  readonly client: string | undefined
  readonly state: JobState | undefined
  readonly offset: number
  readonly limit: number
}

export type Counts = Readonly<Record<"queued" | "processing" | "completed" | "failed" | "cancelled", number>>

interface StoredRow {
  readonly sequence: number
  readonly first_sequence: number
  readonly queued_sequence: number
  readonly record: string
}

const rowOf = (stored: unknown): JobRow => {
  const { first_sequence, queued_sequence, record, sequence } = stored as StoredRow
  return {
    sequence,
    firstSequence: first_sequence,
    queuedSequence: queued_sequence,
    record: JSON.parse(record) as JobRecord
  }
}

const columns = "sequence, first_sequence, queued_sequence, record"
const unfinishedStates = "state in ('queued', 'processing')"

const openDatabase = (path: string): DatabaseSync => {
  const db = new DatabaseSync(path)
  db.exec("pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 500")
  const version = (db.prepare("pragma user_version").get() as { user_version: number }).user_version
  if (version !== schemaVersion) {
    if (version !== 0) {
      db.close()
      throw new Error("out of date")
    }
    db.exec(`begin; ${createTables}; pragma user_version = ${schemaVersion}; commit`)
  }
  return db
}

const removeFiles = (path: string): void => {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true })
}

/** A projection of another version, or a damaged one, is thrown away: the log has everything. */
const openOrRecreate = (path: string): DatabaseSync => {
  try {
    return openDatabase(path)
  } catch (cause) {
    if (/locked|busy/i.test(String(cause))) throw cause
    removeFiles(path)
    return openDatabase(path)
  }
}

/** The SQLite file behind the projection. Synchronous: every call takes microseconds. */
export class Store {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true })
    this.#db = openOrRecreate(join(dataDir, "projection.sqlite"))
  }

  close(): void {
    this.#db.close()
  }

  #sql(text: string): StatementSync {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    const statement = this.#db.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }

  #transaction<A>(body: () => A): A {
    this.#db.exec("begin immediate")
    try {
      const result = body()
      this.#db.exec("commit")
      return result
    } catch (cause) {
      this.#db.exec("rollback")
      throw cause
    }
  }

  cursor(): Cursor | undefined {
    const row = this.#sql("select created_at, sequence from meta").get() as
      | { created_at: string; sequence: number }
      | undefined
    return row === undefined ? undefined : { createdAt: row.created_at, sequence: row.sequence }
  }

  /** Forgets everything; the next event to apply is the log's first. */
  reset(createdAt: string): void {
    this.#transaction(() => {
      this.#db.exec("delete from jobs; delete from counts; delete from meta")
      this.#sql("insert into meta (id, created_at, sequence) values (1, ?, 0)").run(createdAt)
    })
  }

  /** Applies events and moves the cursor in one transaction. */
  apply(events: ReadonlyArray<StoredEvent>): void {
    const last = events.at(-1)
    if (last === undefined) return
    this.#transaction(() => {
      for (const event of events) {
        const change = applyEvent(this.find(event.event.data.job_id), event)
        if (change === undefined) continue
        this.#write(change.row)
        change.counts.forEach((delta) => this.#count(delta))
      }
      this.#sql("update meta set sequence = max(sequence, ?)").run(last.sequence)
    })
  }

  #write({ firstSequence, queuedSequence, record, sequence }: JobRow): void {
    this.#sql("insert or replace into jobs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
      record.job_id, sequence, firstSequence, queuedSequence, record.state, record.pool, record.model, record.client,
      record.priority, record.request_hash ?? null, record.actual_time_s ?? null, JSON.stringify(record)
    )
  }

  #count({ by, client, pool, state }: CountDelta): void {
    this.#sql(
      "insert into counts values (?, ?, ?, ?) on conflict (pool, client, state) do update set jobs = jobs + excluded.jobs"
    ).run(pool, client, state, by)
  }

  /** Drops jobs whose last event aged out of the log, so that old and rebuilt projections agree. */
  prune(logFirstSequence: number, limit: number): number {
    return this.#transaction(() => {
      const old = this.#sql(`select ${columns} from jobs where sequence < ? limit ?`).all(logFirstSequence, limit).map(rowOf)
      for (const { record } of old) {
        if (record.state !== "deleted") this.#count({ pool: record.pool, client: record.client, state: record.state, by: -1 })
        this.#sql("delete from jobs where job_id = ?").run(record.job_id)
      }
      return old.length
    })
  }

  find(jobId: string): JobRow | undefined {
    const row = this.#sql(`select ${columns} from jobs where job_id = ?`).get(jobId)
    return row === undefined ? undefined : rowOf(row)
  }

  history({ client, limit, offset, state }: HistoryQuery): ReadonlyArray<JobRow> {
    const where = [
      state === undefined ? "state <> 'deleted'" : "state = ?",
      ...(client === undefined ? [] : ["client = ?"])
    ].join(" and ")
    const values = [state, client].filter((value) => value !== undefined)
    return this.#sql(`select ${columns} from jobs where ${where} order by first_sequence desc limit ? offset ?`)
      .all(...values, limit, offset)
      .map(rowOf)
  }

  counts(by: { readonly pool?: string | undefined; readonly client?: string | undefined }): Counts {
    const result = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 }
    const where = by.pool !== undefined ? "where pool = ?" : by.client !== undefined ? "where client = ?" : ""
    const rows = this.#sql(`select state, sum(jobs) as jobs from counts ${where} group by state`)
      .all(...[by.pool ?? by.client].filter((value) => value !== undefined)) as unknown as ReadonlyArray<
        { state: keyof Counts; jobs: number }
      >
    for (const { jobs, state } of rows) result[state] = jobs
    return result
  }

  /** Seconds on the agent of a pool's most recent completed jobs. */
  completedSeconds(pool: string, limit: number): ReadonlyArray<number> {
    return (this.#sql(
      "select actual_time_s as s from jobs where pool = ? and state = 'completed' order by sequence desc limit ?"
    ).all(pool, limit) as unknown as ReadonlyArray<{ s: number | null }>).flatMap(({ s }) => (s === null ? [] : [s]))
  }

  unfinishedOf(client: string, priority: number): number {
    return (this.#sql(perSubmission.unfinishedOf)
      .get(client, priority) as { n: number }).n
  }

  unfinishedLike(client: string, requestHash: string): JobRow | undefined {
    const row = this.#sql(perSubmission.unfinishedLike).get(client, requestHash)
    return row === undefined ? undefined : rowOf(row)
  }

  unfinished(limit: number): ReadonlyArray<JobRow> {
    return this.#sql(`select ${columns} from jobs where ${unfinishedStates} limit ?`).all(limit).map(rowOf)
  }

  /** Jobs that ended after a sequence of the log, in the order in which they ended. */
  endedAfter(sequence: number, limit: number): ReadonlyArray<JobRow> {
    return this.#sql(
      `select ${columns} from jobs where sequence > ? and state in ('completed', 'failed', 'cancelled') order by sequence limit ?`
    ).all(sequence, limit).map(rowOf)
  }

  /** Queued jobs of the pool that are likelier to run first: of a higher priority, or earlier in the same one. */
  ahead({ queuedSequence, record }: JobRow): number {
    return (this.#sql(perSubmission.ahead).get(record.pool, record.priority, queuedSequence) as { n: number }).n
  }
}
