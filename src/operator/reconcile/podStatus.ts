import type { GpuPoolStatus } from "../../contract/GpuPool.ts"
import { selectorOf } from "../fleet/podNames.ts"
import type { PodView } from "../fleet/podView.ts"
import { isReady, type PoolFacts, statusOf, type Verdict, verdict } from "./status.ts"

/** What a pool of pods says of itself in `status`, and which changes of it people should hear of. Pure. */

type Condition = GpuPoolStatus["conditions"][number]
type ColdStart = NonNullable<GpuPoolStatus["coldStart"]>
type LastScale = NonNullable<GpuPoolStatus["lastScale"]>

export interface PodFacts extends PoolFacts {
  readonly pods: ReadonlyArray<PodView>
  /** The API server refused a pod (quota, admission): its words. */
  readonly refused: string | undefined
  /** What a pool that is being deleted still waits for. */
  readonly deleting: string | undefined
  readonly coldStart: ColdStart | undefined
  readonly lastScale: LastScale | undefined
  /** Last time there was work, in milliseconds of the epoch. */
  readonly lastActiveAt: number | undefined
  /** The spec was acted on: nothing was held back because of writes that are still under way. */
  readonly acted: boolean
}

/** The reasons for which a container waits that nobody but a person can take away. */
const imageProblems = new Set(["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"])

const liveOf = (pods: ReadonlyArray<PodView>) => pods.filter((pod) => !pod.terminating && pod.ended === undefined)

const capacity = (pods: ReadonlyArray<PodView>): Verdict => {
  const held = liveOf(pods).filter((pod) => pod.held !== undefined)
  const first = held[0]?.held
  if (first === undefined) return verdict("CapacityAvailable", true, "Scheduled", "every pod has a node")
  const message = `${held.length} ${held.length === 1 ? "pod waits" : "pods wait"} for a node: ${first.message}`
  return verdict("CapacityAvailable", false, first.reason, message)
}

const degraded = (facts: PodFacts): ReadonlyArray<Verdict> => {
  if (facts.refused !== undefined) return [verdict("Degraded", true, "PodRefused", facts.refused)]
  const stuck = liveOf(facts.pods).find((pod) => pod.waiting !== undefined && imageProblems.has(pod.waiting.reason))
  if (stuck?.waiting === undefined || facts.failures > 0) return []
  return [verdict("Degraded", true, stuck.waiting.reason, `${stuck.name}: ${stuck.waiting.message}`)]
}

const activity = ({ depth, replicas }: PodFacts): Verdict => {
  const works = (depth._tag === "Readable" && depth.depth > 0) || replicas.some((replica) => replica.busy)
  if (works) return verdict("Active", true, "Work", "jobs wait or run")
  if (depth._tag === "Readable") return verdict("Active", false, "NoWork", "no job waits or runs")
  return { type: "Active", status: "Unknown", reason: "Unreadable", message: "the queue cannot be read" }
}

/**
 * When the last work ended, in milliseconds of the epoch; nothing while there is work or nobody knows. It is written once,
 * with the end of the work, so that whoever leads next goes on with the cooldown.
 */
export const idleSinceOf = (status: GpuPoolStatus | undefined): number | undefined => {
  const active = status?.conditions.find(({ type }) => type === "Active")
  return active?.status === "False" ? Date.parse(active.lastTransitionTime) : undefined
}

/** Work that came and went between two writes counts as well. */
const notBefore = (condition: Condition, lastActiveAt = 0): Condition =>
  condition.type === "Active" && condition.status === "False" && Date.parse(condition.lastTransitionTime) < lastActiveAt
    ? { ...condition, lastTransitionTime: new Date(lastActiveAt).toISOString() }
    : condition

const verdicts = (facts: PodFacts): ReadonlyArray<Verdict> => [
  ...degraded(facts),
  ...(facts.deleting === undefined ? [] : [
    verdict("Ready", false, "Deleting", `the pool is being deleted: ${facts.deleting}`),
    verdict("Progressing", true, "Deleting", facts.deleting)
  ]),
  capacity(facts.pods),
  activity(facts)
]

/** `now` is RFC 3339. */
export const podStatusOf = (facts: PodFacts, before: GpuPoolStatus | undefined, now: string): GpuPoolStatus => {
  const { observedGeneration: present, ...status } = statusOf(facts, before, now, verdicts(facts))
  const observed = facts.acted ? present : before?.observedGeneration
  const live = facts.replicas.filter((replica) => replica.phase !== "stopping")
  return {
    ...(observed === undefined ? {} : { observedGeneration: observed }),
    ...status,
    conditions: status.conditions.map((condition) => notBefore(condition, facts.lastActiveAt)),
    selector: selectorOf(facts.pool.metadata.name),
    lanesReadyFor: facts.deleting === undefined ? [...facts.lanesReadyFor] : [],
    idleReplicas: live.filter((replica) => isReady(replica) && !replica.busy).length,
    unschedulableReplicas: liveOf(facts.pods).filter((pod) => pod.held !== undefined).length,
    terminatingReplicas: facts.pods.filter((pod) => pod.terminating).length,
    failedReplicas: facts.pods.filter((pod) => pod.ended !== undefined && !pod.terminating).length,
    ...(facts.coldStart === undefined ? {} : { coldStart: facts.coldStart, lastColdStartMs: facts.coldStart.readyMs }),
    ...(facts.lastScale === undefined ? {} : { lastScale: facts.lastScale })
  }
}

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, canonical(inner)]))
}

/** The API server orders fields as it likes, and keeps conditions in the order in which it got them first. */
const inOrder = (status: GpuPoolStatus | undefined): unknown =>
  status === undefined ? undefined : canonical({ ...status, conditions: [...status.conditions].sort((a, b) => (a.type < b.type ? -1 : 1)) })

export const isSameStatus = (a: GpuPoolStatus | undefined, b: GpuPoolStatus): boolean =>
  JSON.stringify(inOrder(a)) === JSON.stringify(inOrder(b))

/** Whether only counts that change with every job are different: those may wait a moment. */
export const isMinorChange = (before: GpuPoolStatus | undefined, after: GpuPoolStatus): boolean => {
  if (before === undefined) return false
  const major = (status: GpuPoolStatus): GpuPoolStatus => ({
    ...status,
    busyReplicas: 0,
    idleReplicas: 0,
    queue: { ...status.queue, depth: 0 },
    models: [],
    conditions: status.conditions.filter(({ type }) => type !== "Active")
  })
  return isSameStatus(major(before), major(after))
}

/** A Kubernetes Event to be. */
export interface Notice {
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
}

/** Conditions worth an Event, and which of their values is the bad one. */
const toldConditions: Readonly<Record<string, "True" | "False">> = { Degraded: "True", CapacityAvailable: "False", QueueReachable: "False" }

const conditionNotices = (before: GpuPoolStatus | undefined, after: GpuPoolStatus): ReadonlyArray<Notice> =>
  after.conditions.flatMap(({ message, reason, status, type }): ReadonlyArray<Notice> => {
    const was = before?.conditions.find((condition) => condition.type === type)?.status
    if (was === status) return []
    const bad = toldConditions[type]
    if (bad === status) return [{ type: "Warning", reason, message }]
    if (was === undefined) return []
    if (bad !== undefined) return [{ type: "Normal", reason: `${type}${bad === "True" ? "Over" : ""}`, message }]
    return type === "Paused" ? [{ type: "Normal", reason: status === "True" ? "Paused" : "Resumed", message }] : []
  })

/** One notice a transition: nothing for a status that says the same again. */
export const noticesOf = (before: GpuPoolStatus | undefined, after: GpuPoolStatus): ReadonlyArray<Notice> => {
  const scale = after.lastScale
  const scaled = scale === undefined || scale.at === before?.lastScale?.at ? [] : [{
    type: "Normal" as const,
    reason: scale.to > scale.from ? "ScaledOut" : "ScaledIn",
    message: `from ${scale.from} to ${scale.to} replicas (${scale.reason}); ${after.queue.depth} jobs wait or run`
  }]
  return [...scaled, ...conditionNotices(before, after)]
}
