import { Context, type Effect, type Stream } from "effect"
import type { LogUnavailable } from "./errors.ts"

/** A WORK message: a hint that a job waits, never a right to run it (job-log rule 1). */
export interface WorkMessage {
  readonly job_id: string
  readonly pool: string
  readonly model: string
  readonly lane: string
  /** Sequence in EVENTS of the `queued` event this message was made from. */
  readonly originSequence: number
  readonly deliveryCount: number
  /** After losing a compare-and-swap none of these may be called (rule 3). */
  readonly ack: Effect.Effect<void, LogUnavailable>
  readonly nak: (delayMs: number) => Effect.Effect<void, LogUnavailable>
  readonly working: Effect.Effect<void, LogUnavailable>
}

/** `depth` = pending + ack-pending of the pool's lanes plus what is on its way into WORK. Unreadable means hold, never zero. */
export type Depth =
  | { readonly _tag: "Readable"; readonly depth: number; readonly pending: number; readonly running: number }
  | { readonly _tag: "Unreadable"; readonly reason: string }

export interface Wake {
  readonly model: string
  readonly lane: string
}

/** The stream WORK and its consumers, one a pool × model × lane. This service alone knows consumers' names. */
export class Lanes extends Context.Service<Lanes, {
  /** Creates the missing consumers of a pool's models; before this no job may be routed there. */
  readonly ensure: (pool: string, models: ReadonlyArray<string>) => Effect.Effect<void, LogUnavailable>
  /** Deletes the consumers of a pool (all its models unless named). Only when nothing of it runs (rule 24). */
  readonly remove: (pool: string, models?: ReadonlyArray<string>) => Effect.Effect<void, LogUnavailable>
  /** Pool → models that have lanes. */
  readonly existing: Effect.Effect<ReadonlyMap<string, ReadonlyArray<string>>, LogUnavailable>
  /**
   * One message or none, without waiting, polling lanes in the schedule's order: loaded models first, other models
   * only when their head is older than `affinityDelayMs(model)`; priorities by weight with ageing; shares in turns.
   */
  readonly poll: (request: {
    readonly pool: string
    readonly loaded: ReadonlyArray<string>
    readonly others: ReadonlyArray<string>
    readonly affinityDelayMs: (model: string) => number
  }) => Effect.Effect<WorkMessage | undefined, LogUnavailable>
  /** `wake.<pool>` as WORK republishes it: the message can be pulled by then. At most once, so poll every second too. */
  readonly wakes: (pool: string) => Stream.Stream<Wake, LogUnavailable>
  readonly depth: (pool: string) => Effect.Effect<Depth>
  /** Jobs ahead of this one in its lane (0 = next); `undefined` when it is not waiting. */
  readonly position: (jobId: string) => Effect.Effect<number | undefined, LogUnavailable>
  /** Whether WORK holds a message of the job made from that `queued` event. */
  readonly holds: (jobId: string, originSequence: number) => Effect.Effect<boolean, LogUnavailable>
  /** Removes every WORK message of a job (ended, moved or deleted). */
  readonly purgeJob: (jobId: string) => Effect.Effect<void, LogUnavailable>
}>()("darkroom/platform/nats/Lanes") {}
