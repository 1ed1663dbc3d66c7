import { durationMs, type GpuPoolSpec } from "../../contract/GpuPool.ts"

/**
 * How many replicas a pool should have, and which may go: pure, the same for processes on one machine and for pods.
 * Called again and again with what is there now; one call never relies on an earlier one having been carried out.
 */

/**
 * - `starting`: not yet able to take a job (also: waiting to be restarted after a crash)
 * - `draining`: asked to take no more jobs; can still be called back
 * - `stopping`: on its way out for good; counts only as room taken
 */
export type ReplicaPhase = "starting" | "idle" | "busy" | "draining" | "stopping"

export interface Replica {
  readonly id: string
  readonly phase: ReplicaPhase
  /** Holds a claim. A draining replica may still be busy. */
  readonly busy: boolean
  /** Since when it is in this phase (milliseconds of the epoch). */
  readonly since: number
}

/** Structurally the `Depth` of the lanes: unfinished jobs of the pool, or that nobody knows. */
export type ObservedDepth =
  | { readonly _tag: "Readable"; readonly depth: number }
  | { readonly _tag: "Unreadable"; readonly reason: string }

export interface Observed {
  readonly depth: ObservedDepth
  readonly replicas: ReadonlyArray<Replica>
}

/** What one decision leaves to the next. */
export interface Memory {
  /** Demand seen within the cooldown: falling values, each with the last time it was as high. */
  readonly demands: ReadonlyArray<{ readonly at: number; readonly replicas: number }>
  /** Last time there was work. */
  readonly lastActiveAt: number
  readonly floor: number
  /** Unreadable measures in a row. */
  readonly failures: number
}

export type Reason =
  | "Steady"
  | "Demand"
  | "AtMaximum"
  | "Floor"
  | "Cooldown"
  | "Idle"
  | "External"
  | "Paused"
  | "DepthUnreadable"
  | "Fallback"

export interface Decision {
  /** Replicas wanted, without those that are stopping. */
  readonly desired: number
  readonly reason: Reason
  /** Replicas to start now. */
  readonly create: number
  /** Replicas that shall drain and go, first to go first; a draining one that is missing here is called back. */
  readonly remove: ReadonlyArray<string>
  readonly memory: Memory
}

/**
 * A new operator has seen nothing yet: what runs now is taken as the last demand. `idleSince`: when the work ended, as an
 * earlier operator wrote it down; so the cooldown goes on instead of starting anew. Without it the demand is that of now.
 */
export const initialMemory = (spec: GpuPoolSpec, replicas: ReadonlyArray<Replica>, now: number, idleSince = now): Memory => {
  const at = Math.min(now, idleSince)
  return { demands: [{ at, replicas: active(replicas).length }], lastActiveAt: at, floor: spec.replicas, failures: 0 }
}

const active = (replicas: ReadonlyArray<Replica>) => replicas.filter((replica) => replica.phase !== "stopping")

const clamp = (value: number, minimum: number, maximum: number) => Math.min(Math.max(value, minimum), maximum)

const demandOf = (spec: GpuPoolSpec, depth: number): number =>
  depth === 0 ? 0 : Math.ceil(depth / spec.scaling.jobsPerReplica) + spec.scaling.warmSpare

const remember = (
  spec: GpuPoolSpec,
  memory: Memory,
  seen: { readonly demand: number; readonly isActive: boolean },
  now: number
): Memory => {
  // Whoever lowers the floor wants idle replicas gone at once: neither past demand nor retention holds them.
  const isLowered = spec.replicas < memory.floor
  const past = isLowered ? [] : memory.demands
  const windowStart = now - durationMs(spec.scaling.cooldown)
  return {
    demands: [
      ...past.filter((earlier) => earlier.replicas > seen.demand && earlier.at > windowStart),
      { at: now, replicas: seen.demand }
    ],
    lastActiveAt: seen.isActive ? now : isLowered ? 0 : memory.lastActiveAt,
    floor: spec.replicas,
    failures: 0
  }
}

/** Asked first, then those that have loaded nothing yet, then the longest idle. Never a busy one. */
const victimsFirst = (replicas: ReadonlyArray<Replica>): ReadonlyArray<Replica> => {
  const rank = (replica: Replica) => (replica.phase === "draining" ? 0 : replica.phase === "starting" ? 1 : 2)
  return active(replicas)
    .filter((replica) => !replica.busy && replica.phase !== "busy")
    .sort((a, b) => rank(a) - rank(b) || a.since - b.since || (a.id < b.id ? -1 : 1))
}

interface Target {
  /** At least this many: more are created. */
  readonly needed: number
  /** Not more than this many: the rest goes. At least `needed`. */
  readonly kept: number
  readonly reason: Reason
}

const keepLast = (spec: GpuPoolSpec, memory: Memory, now: number): boolean =>
  now - memory.lastActiveAt < durationMs(spec.scaling.lastPodRetention)

const queueTarget = (spec: GpuPoolSpec, memory: Memory, count: number, now: number): Target => {
  const demand = memory.demands.at(-1)!.replicas
  const recent = memory.demands[0]!.replicas
  const needed = clamp(demand, spec.replicas, spec.maxReplicas)
  const last = keepLast(spec, memory, now) ? 1 : 0
  const kept = clamp(Math.max(recent, last), needed, spec.maxReplicas)
  if (count < needed) return { needed, kept, reason: demand > spec.replicas ? "Demand" : "Floor" }
  if (count > kept) return { needed, kept, reason: "Idle" }
  if (count > needed) return { needed, kept, reason: "Cooldown" }
  return { needed, kept, reason: demand > spec.maxReplicas ? "AtMaximum" : "Steady" }
}

/** Nobody knows how much work there is: nothing goes, and only what is promised whatever the depth comes. */
const blindTarget = (spec: GpuPoolSpec, failures: number, count: number): Target => {
  const { fallback } = spec.scaling
  const useFallback = fallback !== undefined && failures >= fallback.afterFailures
  const floor = useFallback ? Math.max(spec.replicas, fallback.replicas) : spec.replicas
  const needed = Math.max(count, Math.min(floor, spec.maxReplicas))
  return { needed, kept: needed, reason: useFallback ? "Fallback" : "DepthUnreadable" }
}

const applyPause = (paused: GpuPoolSpec["paused"], target: Target, count: number): Target => {
  const stopsOut = (paused === "All" || paused === "Out") && target.needed > count
  const stopsIn = (paused === "All" || paused === "In") && target.kept < count
  if (!stopsOut && !stopsIn) return target
  return { needed: stopsOut ? count : target.needed, kept: stopsIn ? count : target.kept, reason: "Paused" }
}

export const decide = (spec: GpuPoolSpec, observed: Observed, memory: Memory, now: number): Decision => {
  const { depth, replicas } = observed
  const present = active(replicas)
  const count = present.length
  const isActive = (depth._tag === "Readable" && depth.depth > 0) || replicas.some((replica) => replica.busy)
  const next = depth._tag === "Readable"
    ? remember(spec, memory, { demand: demandOf(spec, depth.depth), isActive }, now)
    : { ...memory, failures: memory.failures + 1, lastActiveAt: isActive ? now : memory.lastActiveAt }

  let target: Target
  if (spec.scaling.mode === "External") {
    target = { needed: spec.replicas, kept: spec.replicas, reason: count === spec.replicas ? "Steady" : "External" }
  } else if (depth._tag === "Unreadable") target = blindTarget(spec, next.failures, count)
  else target = queueTarget(spec, next, count, now)

  const { kept, needed, reason } = applyPause(spec.paused, target, count)
  // Stopping replicas still take room: a new one may come only when they are gone.
  const room = Math.max(0, spec.maxReplicas - replicas.length)
  return {
    desired: clamp(count, needed, kept),
    reason,
    create: Math.min(Math.max(0, needed - count), room),
    remove: victimsFirst(replicas).slice(0, Math.max(0, count - kept)).map((replica) => replica.id),
    memory: next
  }
}
