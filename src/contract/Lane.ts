import { Schema } from "effect"

/** 0 = highest, 1 = normal, 2 = low. */
export const Priority = Schema.Literals([0, 1, 2])
export type Priority = typeof Priority.Type

/** How much of the queue a client already holds: 0 = nothing unfinished, 1 = fewer than four jobs, 2 = more. */
export const Share = Schema.Literals([0, 1, 2])
export type Share = typeof Share.Type

/** A lane is one priority × one share; its name is the `<lane>` token of a subject, such as `p1s0`. */
export interface Lane {
  readonly priority: Priority
  readonly share: Share
}

export const lanes: ReadonlyArray<Lane> = ([0, 1, 2] as const).flatMap((priority) =>
  ([0, 1, 2] as const).map((share) => ({ priority, share }))
)

export const laneName = (lane: Lane): string => `p${lane.priority}s${lane.share}`

export const parseLane = (name: string): Lane | undefined => lanes.find((lane) => laneName(lane) === name)

/** The share of a client with this many unfinished jobs in the priority (job-log rule 13). */
export const shareOf = (unfinishedJobs: number): Share => (unfinishedJobs === 0 ? 0 : unfinishedJobs < 4 ? 1 : 2)
