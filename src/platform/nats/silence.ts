import type { Heartbeat } from "../../contract/AgentMessages.ts"
import { heartbeatIntervalMs } from "../../contract/limits.ts"

/** One attempt of one agent, as its heartbeats name it. */
export interface Claim {
  readonly agent: string
  readonly job_id: string
  readonly attempt: number
}

/** An agent says itself how often it beats; no agent may keep a claim alive longer than this by saying so. */
const intervalMaxMs = 30_000
const intervalMinMs = 100
/** Agents that went away are forgotten this long after their last heartbeat, looked for at most this often. */
const forgetAfterMs = 120_000

interface Heard {
  readonly heartbeat: Heartbeat
  readonly heardAtMs: number
  /** When each claim was last named, for those named within the silence time. */
  readonly claims: ReadonlyMap<string, number>
}

const claimKey = (claim: { readonly job_id: string; readonly attempt: number }) => `${claim.job_id}/${claim.attempt}`

const silenceMsOf = (heartbeat: Heartbeat | undefined): number =>
  2 * Math.min(Math.max(heartbeat?.interval_ms ?? heartbeatIntervalMs, intervalMinMs), intervalMaxMs)

/**
 * What one program has heard of agents. Silence counts from this program's own (re)connect, because before that it
 * could hear nobody; a heartbeat of the same agent that no longer names a claim does not keep that claim alive.
 */
export class Listening {
  #agents = new Map<string, Heard>()
  /** Since when without a break; `undefined` while disconnected. */
  #sinceMs: number | undefined
  #forgotAtMs = 0

  connected(nowMs: number): void {
    this.#sinceMs = nowMs
  }

  disconnected(): void {
    this.#sinceMs = undefined
  }

  hear(heartbeat: Heartbeat, nowMs: number): void {
    const silenceMs = silenceMsOf(heartbeat)
    const claims = new Map<string, number>()
    for (const [key, heardAtMs] of this.#agents.get(heartbeat.agent)?.claims ?? []) {
      if (nowMs - heardAtMs < silenceMs) claims.set(key, heardAtMs)
    }
    for (const claim of heartbeat.claims) claims.set(claimKey(claim), nowMs)
    this.#agents.set(heartbeat.agent, { heartbeat, heardAtMs: nowMs, claims })
    if (nowMs - this.#forgotAtMs > forgetAfterMs) this.#forget(nowMs)
  }

  isSilent(claim: Claim, nowMs: number): boolean {
    if (this.#sinceMs === undefined) return false
    const heard = this.#agents.get(claim.agent)
    const lastMs = Math.max(this.#sinceMs, heard?.claims.get(claimKey(claim)) ?? this.#sinceMs)
    return nowMs - lastMs >= silenceMsOf(heard?.heartbeat)
  }

  alive(nowMs: number, pool?: string): ReadonlyArray<Heartbeat> {
    const alive: Array<Heartbeat> = []
    for (const { heardAtMs, heartbeat } of this.#agents.values()) {
      if (pool !== undefined && heartbeat.pool !== pool) continue
      if (nowMs - heardAtMs < silenceMsOf(heartbeat)) alive.push(heartbeat)
    }
    return alive
  }

  #forget(nowMs: number): void {
    this.#forgotAtMs = nowMs
    for (const [agent, { heardAtMs }] of this.#agents) {
      if (nowMs - heardAtMs > forgetAfterMs) this.#agents.delete(agent)
    }
  }
}
