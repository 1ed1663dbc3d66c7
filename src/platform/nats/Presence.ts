import { Context, type Effect, type Scope, type Stream } from "effect"
import type { DrainReply, Heartbeat, Progress } from "../../contract/AgentMessages.ts"
import type { PoolStatusMessage } from "../../contract/GpuPool.ts"
import type { LogUnavailable } from "./errors.ts"

/** Who is alive: agents' heartbeats as this program hears them, and the local fleet's pool status. Never the truth. */
export class Presence extends Context.Service<Presence, {
  readonly beat: (heartbeat: Heartbeat) => Effect.Effect<void>
  /** Agents of a pool (all pools without one) heard within the silence time. */
  readonly alive: (pool?: string) => Effect.Effect<ReadonlyArray<Heartbeat>>
  /**
   * True when no heartbeat naming this claim was heard for two intervals counted from this program's own (re)connect
   * (job-log rule 2). False while this program has not yet listened that long.
   */
  readonly isSilent: (claim: { readonly agent: string; readonly job_id: string; readonly attempt: number }) => Effect.Effect<boolean>
  readonly announcePool: (message: PoolStatusMessage) => Effect.Effect<void>
  /** Latest status of each pool heard in the last 10 s. */
  readonly pools: Effect.Effect<ReadonlyMap<string, PoolStatusMessage>>
}>()("darkroom/platform/nats/Presence") {}

/** Core NATS signals about one job or agent: at most once. */
export class Signals extends Context.Service<Signals, {
  readonly cancel: (jobId: string) => Effect.Effect<void>
  /** Job ids for which somebody asked to cancel; the listener re-reads the record. */
  readonly cancels: Stream.Stream<string, LogUnavailable>
  readonly progress: (progress: Progress) => Effect.Effect<void>
  readonly progressOf: (jobId: string) => Stream.Stream<Progress, LogUnavailable>
  /** Asks an agent to drain: a lease of 30 s. Fails when the agent does not answer. */
  readonly drain: (agent: string, requestedBy: string) => Effect.Effect<DrainReply, LogUnavailable>
  /** Answers drain requests for an agent until the scope closes. */
  readonly serveDrain: (
    agent: string,
    answer: Effect.Effect<DrainReply>
  ) => Effect.Effect<void, LogUnavailable, Scope.Scope>
}>()("darkroom/platform/nats/Signals") {}
