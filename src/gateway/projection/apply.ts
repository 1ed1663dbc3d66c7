import type { JobRecord, JobState } from "../../contract/Job.ts"
import { eventNameOf, type StoredEvent } from "../../contract/JobEvent.ts"

/** What one event does to the projection. Pure. */

/** A job as the projection keeps it. */
export interface JobRow {
  readonly sequence: number
  readonly firstSequence: number
  readonly queuedSequence: number
  readonly record: JobRecord
}

/** A change of the number of jobs of a pool and client in a state. */
export interface CountDelta {
  readonly pool: string
  readonly client: string
  readonly state: JobState
  readonly by: 1 | -1
}

export interface Change {
  readonly row: JobRow
  readonly counts: ReadonlyArray<CountDelta>
}

/** Tombstones stay, so that a late blob is known to belong to nobody, and are counted nowhere. */
const counted = (row: JobRow | undefined, by: 1 | -1): ReadonlyArray<CountDelta> => {
  if (row === undefined || row.record.state === "deleted") return []
  const { client, pool, state } = row.record
  return [{ pool, client, state, by }]
}

/** `undefined` for an event that changes nothing: seen before, or of a type that this version does not know. */
export const applyEvent = (before: JobRow | undefined, stored: StoredEvent): Change | undefined => {
  const name = eventNameOf(stored.event.type)
  if (name === undefined) return undefined
  if (before !== undefined && stored.sequence <= before.sequence) return undefined
  const record = stored.event.data
  const row: JobRow = {
    sequence: stored.sequence,
    firstSequence: before?.firstSequence ?? stored.sequence,
    queuedSequence: name === "queued" ? stored.sequence : record.queued_sequence ?? before?.queuedSequence ?? stored.sequence,
    record
  }
  return { row, counts: [...counted(before, -1), ...counted(row, 1)] }
}
