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
  /** When this program saw it start, where `startedAt` is another machine's time. */
  readonly seenStartedAt?: number
  /** The part of the pool's spec that it was started with; another one now means it is outdated. */
  readonly revision: string
}

export interface Sighting extends Replica, Pick<AgentProcess, "startedAt" | "revision"> {
  /** When it was first able to take a job. */
  readonly readyAt: number | undefined
  /** Last time a heartbeat was heard. */
  readonly heardAt: number | undefined
  /** Loading its first model, by its own word. */
  readonly loading: boolean
  /** In its memory and on their way there, by its last word. */
  readonly models: Pick<Heartbeat, "models_loaded" | "models_loading">
}

/** When each of those that can work, or could, got ready first. */
export const readyTimes = (sightings: ReadonlyArray<Sighting>): ReadonlyArray<number> =>
  sightings.flatMap(({ readyAt }) => (readyAt === undefined ? [] : [readyAt]))

/** Those on their way to be ready. */
export const startingCount = (sightings: ReadonlyArray<Sighting>): number => sightings.filter(({ phase }) => phase === "starting").length

export type Broken = { readonly id: string; readonly why: string }

export interface Sightings {
  readonly replicas: ReadonlyArray<Sighting>
  /** Processes that will not serve any more and must be ended. */
  readonly broken: ReadonlyArray<Broken>
}

export interface Patience {
  readonly startupTimeoutMs: number
  /** Silence of a running process after which it counts as hung. */
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
    startedAt: process.startedAt,
    revision: process.revision,
    phase,
    busy: heard === undefined ? before?.busy ?? false : heard.claims.length > 0 || heard.state === "BUSY",
    since: before?.phase === phase ? before.since : before === undefined ? process.startedAt : now,
    readyAt: before?.readyAt ?? (isReady ? now : undefined),
    heardAt: heard === undefined ? before?.heardAt : now,
    loading: heard?.state === "STARTING",
    models: heard ?? before?.models ?? { models_loaded: [] }
  }
}

/** How patient to be, and what is known of the moment. */
export interface Moment extends Patience {
  /**
   * Since when somebody has listened without a break; `undefined` while nobody can be heard. Time from before says
   * nothing: the broker was away, this machine slept, or this program has just begun and has not heard who is ready.
   */
  readonly listeningSince: number | undefined
  readonly now: number
}

const whyBroken = (
  process: AgentProcess,
  heard: Heartbeat | undefined,
  sighting: Sighting,
  moment: Moment
): string | undefined => {
  if (process.wanted === "stopping") return undefined
  if (heard?.state === "DEFUNCT" || heard?.state === "SETUP_FAILED") return `it reports ${heard.state}`
  if (moment.listeningSince === undefined) return undefined
  // An agent that was ready and starts its engine anew gets the whole time again.
  const startedAt = sighting.readyAt === undefined ? process.seenStartedAt ?? process.startedAt : sighting.since
  if (sighting.phase === "starting" && moment.now - Math.max(startedAt, moment.listeningSince) >= moment.startupTimeoutMs) {
    return `it was not ready within ${moment.startupTimeoutMs} ms`
  }
  if (heard !== undefined || sighting.heardAt === undefined) return undefined
  const silentMs = moment.now - Math.max(sighting.heardAt, moment.listeningSince)
  return silentMs >= moment.hungAfterMs ? `nothing was heard of it for ${silentMs} ms` : undefined
}

/** After such a break between two looks nothing is known: this program did not run (far above FLEET_INTERVAL). */
const lookedAwayAfterMs = 10_000

/** When the present listening began, told from the look before and whether the broker is heard now. */
export const listeningSince = (
  before: { readonly since: number | undefined; readonly lookedAt: number },
  isBrokerHeard: boolean,
  now: number
): number | undefined => {
  if (!isBrokerHeard) return undefined
  return before.since === undefined || now - before.lookedAt >= lookedAwayAfterMs ? now : before.since
}

export const observe = (
  processes: ReadonlyArray<AgentProcess>,
  heartbeats: ReadonlyArray<Heartbeat>,
  before: ReadonlyArray<Sighting>,
  moment: Moment
): Sightings => {
  const replicas: Array<Sighting> = []
  const broken: Array<Broken> = []
  for (const process of processes) {
    const heard = heartbeats.find((heartbeat) => heartbeat.agent === process.id)
    const sighting = sight(process, heard, before.find((seen) => seen.id === process.id), moment.now)
    replicas.push(sighting)
    const why = whyBroken(process, heard, sighting, moment)
    if (why !== undefined) broken.push({ id: process.id, why })
  }
  return { replicas, broken }
}
