import type { GpuPoolSpec } from "../../contract/GpuPool.ts"
import type { Sighting } from "../fleet/observe.ts"
import { podName } from "../fleet/podNames.ts"
import type { BrokenPod } from "../fleet/podSightings.ts"
import type { PodView } from "../fleet/podView.ts"
import type { Decision } from "../scaling/decide.ts"

/** From a decision to writes: which pods are created, deleted, asked and labelled now. Pure. */

export interface PlanInput {
  readonly pool: string
  readonly spec: GpuPoolSpec
  /** Of a pod that would be built now. */
  readonly revision: string
  readonly pods: ReadonlyArray<PodView>
  readonly sightings: ReadonlyArray<Sighting>
  readonly broken: ReadonlyArray<BrokenPod>
  readonly decision: Pick<Decision, "create" | "desired" | "remove">
  /** How many the backoff after failures lets start now. */
  readonly allowed: number
  /** Pods failed lately: a new revision that does not work must not replace one that does. */
  readonly failing: boolean
  /** UID of the pod last seen in a slot, or what stands for it. */
  readonly before: (slot: number) => string
  /** Own writes that the cache does not show yet. */
  readonly unseenWrites: number
  /** Somebody has listened long enough to know who lives. */
  readonly settled: boolean
  /** Nobody knows how much work there is, so what goes would not be replaced. */
  readonly isBlind: boolean
  /** Since when each pod is as busy as it is. */
  readonly busySince: ReadonlyMap<string, { readonly busy: boolean; readonly since: number }>
  readonly now: number
}

export interface Removal {
  readonly pod: PodView
  readonly why: string
  /** It ended by itself: counts for the backoff. */
  readonly failed: boolean
  /** Instead of the pod's own grace. */
  readonly graceS?: number
}

export interface PodPlan {
  readonly create: ReadonlyArray<{ readonly slot: number; readonly name: string }>
  /** Nothing of these can be lost. */
  readonly remove: ReadonlyArray<Removal>
  /** Asked to drain first; deleted once they confirm. */
  readonly ask: ReadonlyArray<{ readonly pod: PodView; readonly why: string }>
  readonly label: ReadonlyArray<{ readonly pod: PodView; readonly busy: boolean }>
}

const nothing: PodPlan = { create: [], remove: [], ask: [], label: [] }

/** Job-log rule 22: labels cost API writes, so they follow only what lasts. */
export const steadyMs = 30_000
/** A silent agent's result is refused by the log anyway; this is for its process to notice SIGTERM. */
const silentGraceS = 30
/** Of the live pods, this part is replaced at once when the spec changes. */
const rolloutPart = 4

const isLive = (pod: PodView): boolean => !pod.terminating && pod.ended === undefined

/** Pods that ended, or are of no use, by themselves: each counts once for the backoff. A lost node says nothing of the pool. */
export const failuresOf = (
  { broken, pods }: Pick<PlanInput, "broken" | "pods">
): ReadonlyArray<{ readonly pod: PodView; readonly why: string }> =>
  pods.flatMap((pod) => {
    // One that was told to go has ended as it should, whatever its last word was.
    if (pod.ended !== undefined) return pod.ended.disrupted || pod.terminating ? [] : [{ pod, why: pod.ended.why }]
    const one = pod.terminating || pod.held !== undefined ? undefined : broken.find(({ id }) => id === pod.name)
    return one === undefined || one.silent ? [] : [{ pod, why: one.why }]
  })

const reaped = ({ broken, pods, spec }: PlanInput): ReadonlyArray<Removal> => {
  const ended = pods.flatMap((pod): ReadonlyArray<Removal> =>
    pod.ended === undefined || pod.terminating ? [] : [{ pod, why: pod.ended.why, failed: !pod.ended.disrupted }])
  if (spec.paused === "In") return ended
  const useless = broken.flatMap(({ id, silent, why }): ReadonlyArray<Removal> => {
    const pod = pods.find((one) => one.name === id)
    if (pod === undefined || !isLive(pod) || pod.held !== undefined) return []
    return [{ pod, why, failed: !silent, ...(silent ? { graceS: silentGraceS } : {}) }]
  })
  return [...ended, ...useless]
}

/**
 * Pods of another revision make room for new ones: those that never got ready at once, then some at a time, idle ones
 * before busy ones (which are only asked, and finish what they do). Waits while the new revision is still starting, or
 * fails, and while those that went are not replaced, as when the queue cannot be read.
 */
const outdated = (input: PlanInput, gone: ReadonlySet<string>): ReadonlyArray<string> => {
  if (input.spec.paused !== "" || input.isBlind) return []
  const live = input.pods.filter((pod) => isLive(pod) && !gone.has(pod.name))
  const sighting = new Map(input.sightings.map((one) => [one.id, one]))
  const readyAt = (pod: PodView) => sighting.get(pod.name)?.readyAt
  const old = live.filter((pod) => pod.revision !== input.revision)
  const never = old.filter((pod) => readyAt(pod) === undefined)
  const fresh = live.filter((pod) => pod.revision === input.revision && readyAt(pod) === undefined)
  // One that is held may wait for the very GPU that an old pod has; more of them say that the new spec fits nowhere.
  const waiting = fresh.filter((pod) => pod.held !== undefined).length
  // None is created for these yet: pods on their way out still take the room.
  const missing = Math.max(0, input.decision.desired - live.length)
  const budget = Math.max(1, Math.floor(live.length / rolloutPart)) - (fresh.length - waiting) - missing
  const mayRoll = input.settled && !input.failing && input.decision.create === 0 && waiting <= 1
  const rank = (pod: PodView) => {
    const seen = sighting.get(pod.name)
    return seen?.phase === "draining" ? 0 : seen?.busy === true ? 2 : 1
  }
  const since = (pod: PodView) => sighting.get(pod.name)?.since ?? 0
  const rolled = old.filter((pod) => readyAt(pod) !== undefined)
    .sort((a, b) => rank(a) - rank(b) || since(a) - since(b) || a.slot - b.slot)
    .slice(0, mayRoll ? Math.max(0, budget) : 0)
  return [...never, ...rolled].map((pod) => pod.name)
}

const leaving = (input: PlanInput, names: ReadonlyMap<string, string>): Pick<PodPlan, "remove" | "ask"> => {
  const remove: Array<Removal> = []
  const ask: Array<{ pod: PodView; why: string }> = []
  for (const pod of input.pods) {
    const why = names.get(pod.name)
    if (why === undefined || !isLive(pod)) continue
    // No process, no claim: the precondition on its version refuses the deletion if one has started meanwhile.
    if (pod.runningSince === undefined) remove.push({ pod, why, failed: false })
    else if (input.settled) ask.push({ pod, why })
  }
  return { remove, ask }
}

const lowestFree = (taken: ReadonlySet<number>, count: number): ReadonlyArray<number> => {
  const free: Array<number> = []
  for (let slot = 0; free.length < count; slot++) if (!taken.has(slot)) free.push(slot)
  return free
}

const created = ({ allowed, before, decision, pods, pool }: PlanInput): PodPlan["create"] =>
  lowestFree(new Set(pods.map((pod) => pod.slot)), Math.max(0, Math.min(decision.create, allowed)))
    .map((slot) => ({ slot, name: podName(pool, slot, before(slot)) }))

const labelled = ({ busySince, now, pods }: PlanInput): PodPlan["label"] =>
  pods.flatMap((pod) => {
    const seen = busySince.get(pod.name)
    if (seen === undefined || !isLive(pod) || now - seen.since < steadyMs || seen.busy === pod.busyLabelled) return []
    return [{ pod, busy: seen.busy }]
  })

export const planPods = (input: PlanInput): PodPlan => {
  if (input.spec.paused === "All") return nothing
  const label = labelled(input)
  if (input.unseenWrites > 0) return { ...nothing, label }
  const reap = reaped(input)
  const gone = new Set(reap.map(({ pod }) => pod.name))
  const reasons = new Map<string, string>()
  for (const name of outdated(input, gone)) reasons.set(name, "its pool's spec has changed")
  for (const name of input.decision.remove) if (!gone.has(name)) reasons.set(name, "it is not needed")
  const { ask, remove } = leaving(input, reasons)
  return { create: created(input), remove: [...reap, ...remove], ask, label }
}

/** Since when each live pod is as busy as it is now; what is not sure (silence) changes nothing. */
export const followBusy = (
  before: PlanInput["busySince"],
  sightings: ReadonlyArray<Sighting>,
  now: number
): PlanInput["busySince"] =>
  new Map(sightings.map(({ busy, id }) => {
    const seen = before.get(id)
    return [id, seen?.busy === busy ? seen : { busy, since: now }]
  }))

/** 1, 2, 4, …: what is refused once (quota, admission) is not tried for all at the same time. */
export const slowStart = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const batches: Array<ReadonlyArray<A>> = []
  for (let start = 0, size = 1; start < items.length; start += size, size *= 2) batches.push(items.slice(start, start + size))
  return batches
}
