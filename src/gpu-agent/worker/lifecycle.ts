import type { AgentState, DrainReply, Heartbeat } from "../../contract/AgentMessages.ts"
import { drainLeaseMs } from "../../contract/limits.ts"
import type { EnginePhase } from "../engine/supervise.ts"

/** The agent's own state: what it may do now, and what it tells others. Pure. */

export interface Lifecycle {
  /** `failed`: it cannot serve what it was started for. */
  readonly setup: "starting" | "done" | "failed"
  readonly engine: EnginePhase
  /** A pull, or the claim that follows from it, is under way. */
  readonly pulling: boolean
  readonly claim: Heartbeat["claims"][number] | undefined
  /** Drain requests are leases: after this moment the agent pulls again (job-log rule 21). */
  readonly drainUntilMs: number
  /** It was told to end and will never pull again. */
  readonly stopping: boolean
}

export const initialLifecycle: Lifecycle = {
  setup: "starting",
  engine: "starting",
  pulling: false,
  claim: undefined,
  drainUntilMs: 0,
  stopping: false
}

export const isDraining = (life: Lifecycle, nowMs: number): boolean => life.stopping || nowMs < life.drainUntilMs

export const mayPull = (life: Lifecycle, nowMs: number): boolean =>
  life.setup === "done" && life.engine === "ready" && !life.pulling && life.claim === undefined && !isDraining(life, nowMs)

/** Nothing is under way that could still become, or is, a claim. */
export const isIdle = (life: Lifecycle): boolean => !life.pulling && life.claim === undefined

export const renewDrain = (life: Lifecycle, nowMs: number): Lifecycle => ({ ...life, drainUntilMs: nowMs + drainLeaseMs })

/** Whoever asked it to drain wants it back. */
export const endDrain = (life: Lifecycle): Lifecycle => ({ ...life, drainUntilMs: 0 })

export const drainReply = (life: Lifecycle, agent: string): DrainReply => ({
  agent,
  drained: isIdle(life),
  claims: life.claim === undefined ? 0 : 1
})

export const stateOf = (life: Lifecycle, nowMs: number): AgentState => {
  if (life.setup === "failed" || life.engine === "setup_failed") return "SETUP_FAILED"
  if (life.engine === "defunct") return "DEFUNCT"
  if (life.claim !== undefined) return "BUSY"
  if (isDraining(life, nowMs)) return "DRAINING"
  return life.setup === "starting" || life.engine === "starting" ? "STARTING" : "READY"
}
