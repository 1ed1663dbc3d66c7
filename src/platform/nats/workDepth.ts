import { eventsStream } from "../../contract/subjects.ts"

/** `depth` = pending + ack-pending of the pool's lanes plus what is on its way into WORK. Unreadable means hold, never zero. */
export type Depth =
  | { readonly _tag: "Readable"; readonly depth: number; readonly pending: number; readonly running: number }
  /** `lanesMissing`: the broker answers, but some of the lanes that the pool had are gone. */
  | { readonly _tag: "Unreadable"; readonly reason: string; readonly lanesMissing?: true }

/** The broker hears from a source every second even when nothing comes; silent for longer, its lag means nothing. */
export const sourceActiveWithinMs = 5_000

const nanosPerMs = 1_000_000
/** The largest event. */
const fullMarginBytes = 512 * 1024

/** How WORK sees EVENTS, as STREAM.INFO tells it: `lag` messages not copied yet, last heard `active` nanoseconds ago. */
export interface Source {
  readonly name: string
  readonly lag: number
  readonly active: number
  readonly error?: unknown
}

/** A stream's report names its sources only when it has any. */
export const sourcesOf = (info: { readonly sources?: ReadonlyArray<Source> }): ReadonlyArray<Source> => info.sources ?? []

export interface LaneCounts {
  readonly num_pending: number
  readonly num_ack_pending: number
}

export const unreadable = (reason: string): Depth => ({ _tag: "Unreadable", reason })

export const lanesMissing = (reason: string): Depth => ({ _tag: "Unreadable", reason, lanesMissing: true })

/** Why the figures of WORK cannot be trusted; `undefined` when they can (job-log rule 10). */
export const sourceProblem = (sources: ReadonlyArray<Source>): string | undefined => {
  const source = sources.find(({ name }) => name === eventsStream)
  if (source === undefined) return `WORK does not copy from ${eventsStream}: its configuration has no such source`
  if (source.error !== undefined && source.error !== null) return `WORK cannot copy from ${eventsStream}: ${JSON.stringify(source.error)}`
  if (source.active < 0) return `WORK has not heard from ${eventsStream} yet`
  const silentMs = Math.round(source.active / nanosPerMs)
  return silentMs > sourceActiveWithinMs ? `WORK has not heard from ${eventsStream} for ${silentMs} ms` : undefined
}

export const lagOf = (sources: ReadonlyArray<Source>): number =>
  sources.find(({ name }) => name === eventsStream)?.lag ?? 0

/** A message that does not fit is not counted as lag, so a full WORK may leave jobs outside that no figure of it shows. */
export const isFull = (work: {
  readonly config: { readonly max_bytes: number; readonly max_msgs: number }
  readonly state: { readonly bytes: number; readonly messages: number }
}): boolean => {
  const { config, state } = work
  const marginBytes = Math.min(fullMarginBytes, config.max_bytes / 20)
  return (config.max_msgs > 0 && state.messages >= config.max_msgs) ||
    (config.max_bytes > 0 && state.bytes + marginBytes >= config.max_bytes)
}

/** What is still on its way counts as waiting: it may be this pool's, and too many is safer than none. */
export const depthOf = (onTheWay: number, lanes: ReadonlyArray<LaneCounts>): Depth => {
  const pending = lanes.reduce((sum, lane) => sum + lane.num_pending, onTheWay)
  const running = lanes.reduce((sum, lane) => sum + lane.num_ack_pending, 0)
  return { _tag: "Readable", depth: pending + running, pending, running }
}

/** Messages that no consumer will ever deliver: their pool's lanes are gone (job-log rule 12). */
export const unownedOf = (messages: number, lanes: ReadonlyArray<LaneCounts>): number =>
  Math.max(0, messages - lanes.reduce((sum, lane) => sum + lane.num_pending + lane.num_ack_pending, 0))
