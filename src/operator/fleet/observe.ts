import type { Heartbeat } from "../../contract/AgentMessages.ts"
import type { Replica, ReplicaPhase } from "../scaling/decide.ts"

/** What the fleet knows of a process and what the agent in it says of itself, put together. Pure. */

export interface AgentProcess {
  /** The agent's name in heartbeats: `<pool>-<slot>-<incarnation>`. */
  readonly id: string
  readonly slot: number
  /** What the fleet wants of it. */
  readonly wanted: "running" | "draining" | "stopping"
  readonly startedAt: number
  /** The part of the pool's spec that it was started with; another one now means it is outdated. */
  readonly revision: string
}

export interface Sighting extends Replica {
  /** When it was first able to take a job. */
  readonly readyAt: number | undefined
  /** Last time a heartbeat was heard. */
  readonly heardAt: number | undefined
  /** Loading the model, by its own word. */
  readonly loading: boolean
}

export type Broken = { readonly id: string; readonly why: string }

export interface Sightings {
  readonly replicas: ReadonlyArray<Sighting>
  /** Processes that will not serve any more and must be ended. */
  readonly broken: ReadonlyArray<Broken>
}

export interface Patience {
  readonly startupTimeoutMs: number
  /** Silence of a running process after which it counts as hung; only while the broker is heard. */
  readonly hungAfterMs: number
}

const phaseOf = (process: AgentProcess, heard: Heartbeat | undefined, before: Sighting | undefined): ReplicaPhase => {
  if (process.wanted === "stopping") return "stopping"
  if (heard === undefined) return before?.heardAt === undefined ? "starting" : before.phase
  if (process.wanted === "draining") return "draining"
  if (heard.claims.length > 0 || heard.state === "BUSY") return "busy"
  return heard.state === "STARTING" ? "starting" : "idle"
}

const sight = (
  process: AgentProcess,
  heard: Heartbeat | undefined,
  before: Sighting | undefined,
  now: number
): Sighting => {
  const phase = phaseOf(process, heard, before)
  const isReady = phase === "idle" || phase === "busy"
  return {
    id: process.id,
    phase,
    busy: heard === undefined ? before?.busy ?? false : heard.claims.length > 0 || heard.state === "BUSY",
    since: before?.phase === phase ? before.since : before === undefined ? process.startedAt : now,
    readyAt: before?.readyAt ?? (isReady ? now : undefined),
    heardAt: heard === undefined ? before?.heardAt : now,
    loading: heard?.state === "STARTING"
  }
}

const whyBroken = (
  sighting: Sighting,
  process: AgentProcess,
  heard: Heartbeat | undefined,
  patience: Patience,
  isBrokerHeard: boolean,
  now: number
): string | undefined => {
  if (process.wanted === "stopping") return undefined
  if (heard?.state === "DEFUNCT" || heard?.state === "SETUP_FAILED") return `it reports ${heard.state}`
  if (sighting.phase === "starting" && now - process.startedAt >= patience.startupTimeoutMs) {
    return `it was not ready within ${patience.startupTimeoutMs} ms`
  }
  const silentMs = sighting.heardAt === undefined ? 0 : now - sighting.heardAt
  return isBrokerHeard && heard === undefined && silentMs >= patience.hungAfterMs
    ? `nothing was heard of it for ${silentMs} ms`
    : undefined
}

export const observe = (
  processes: ReadonlyArray<AgentProcess>,
  heartbeats: ReadonlyArray<Heartbeat>,
  before: ReadonlyArray<Sighting>,
  patience: Patience,
  isBrokerHeard: boolean,
  now: number
): Sightings => {
  const replicas: Array<Sighting> = []
  const broken: Array<Broken> = []
  for (const process of processes) {
    const heard = heartbeats.find((heartbeat) => heartbeat.agent === process.id)
    const sighting = sight(process, heard, before.find((seen) => seen.id === process.id), now)
    replicas.push(sighting)
    const why = whyBroken(sighting, process, heard, patience, isBrokerHeard, now)
    if (why !== undefined) broken.push({ id: process.id, why })
  }
  return { replicas, broken }
}
