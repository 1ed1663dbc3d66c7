import type { Heartbeat } from "../../contract/AgentMessages.ts"
import { type AgentProcess, type Broken, observe, type Sighting } from "./observe.ts"
import type { PodView } from "./podView.ts"

/** What pods and the heartbeats of the agents in them say together, in the terms of every other fleet. Pure. */

/** Silence of a running agent after which its pod is replaced; the kubelet restarts processes that hang long before. */
export const silentAfterMs = 30_000
/** A container that fails to start so often will fail again; until then the kubelet's own restarts may help. */
const crashLoopRestarts = 3
/** Past the end of its grace, a pod that is still there waits for a node that does not answer. */
export const stuckAfterMs = 30_000

export interface PodMoment {
  readonly startupTimeoutMs: number
  /** A busy agent that falls silent keeps its pod for so long. */
  readonly drainTimeoutMs: number
  readonly listeningSince: number | undefined
  /** Pods that this operator has asked to drain. */
  readonly asked: ReadonlySet<string>
  readonly started: SeenStarts
  readonly now: number
}

/** By UID: when a pod started, and when its agent did, by the clock of its node; and when this program first saw that. */
export type SeenStarts = ReadonlyMap<string, SeenStart>
interface SeenStart {
  readonly at: number
  readonly seenAt: number
  readonly runningSince: number | undefined
  readonly runningSeenAt: number
}

export interface PodSightings {
  readonly replicas: ReadonlyArray<Sighting>
  readonly broken: ReadonlyArray<BrokenPod>
}

export interface BrokenPod extends Broken {
  /** Nothing was heard of it: its grace is short, because nothing that it still does can count. */
  readonly silent: boolean
}

/** From when the time to get ready counts: waiting for a node is no failure to start. */
const startedAt = (pod: PodView, now: number): number => {
  if (pod.restarts > 0) return pod.runningSince ?? pod.stoppedAt ?? pod.scheduledAt ?? now
  return pod.scheduledAt ?? now
}

/** The clocks of nodes and of this machine may be hours apart, so a time to wait for is counted on this one alone. */
export const followStarts = (before: SeenStarts, pods: ReadonlyArray<PodView>, now: number): SeenStarts =>
  new Map(pods.map((pod) => {
    const at = startedAt(pod, now)
    const seen = before.get(pod.uid)
    return [pod.uid, {
      at,
      seenAt: seen?.at === at ? seen.seenAt : now,
      runningSince: pod.runningSince,
      runningSeenAt: seen?.runningSince === pod.runningSince ? seen?.runningSeenAt ?? now : now
    }]
  }))

const processOf = (pod: PodView, moment: PodMoment): AgentProcess => ({
  id: pod.name,
  slot: pod.slot,
  wanted: pod.terminating || pod.ended !== undefined ? "stopping" : moment.asked.has(pod.name) ? "draining" : "running",
  startedAt: startedAt(pod, moment.now),
  seenStartedAt: moment.started.get(pod.uid)?.seenAt ?? startedAt(pod, moment.now),
  revision: pod.revision
})

/** An operator that has just started has heard nobody yet; the kubelet knows who is ready. */
const readyByKubelet = (pod: PodView, sighting: Sighting): Sighting =>
  sighting.phase === "starting" && sighting.heardAt === undefined && pod.readySince !== undefined && pod.runningSince !== undefined
    ? { ...sighting, phase: "idle", since: pod.readySince, readyAt: pod.readySince }
    : sighting

const crashLoop = (pod: PodView): string | undefined =>
  pod.waiting?.reason === "CrashLoopBackOff" && pod.restarts >= crashLoopRestarts && !pod.terminating
    ? `it crashed ${pod.restarts} times (${pod.waiting.message})`
    : undefined

export const sightPods = (
  pods: ReadonlyArray<PodView>,
  heartbeats: ReadonlyArray<Heartbeat>,
  before: ReadonlyArray<Sighting>,
  moment: PodMoment
): PodSightings => {
  // A container that does not run says nothing and holds no job, whatever was heard of it a moment ago.
  const running = new Set(pods.filter((pod) => pod.runningSince !== undefined).map((pod) => pod.name))
  const seen = observe(
    pods.map((pod) => processOf(pod, moment)),
    heartbeats.filter((heartbeat) => running.has(heartbeat.agent)),
    before.filter((sighting) => running.has(sighting.id)),
    { startupTimeoutMs: moment.startupTimeoutMs, hungAfterMs: silentAfterMs, listeningSince: moment.listeningSince, now: moment.now }
  )
  const heard = new Set(heartbeats.map((heartbeat) => heartbeat.agent))
  const sightings = new Map(seen.replicas.map((sighting) => [sighting.id, sighting]))
  const loops = pods.flatMap((pod): ReadonlyArray<BrokenPod> => {
    const why = crashLoop(pod)
    return why === undefined ? [] : [{ id: pod.name, why, silent: false }]
  })
  const ownWord = seen.broken.flatMap((one): ReadonlyArray<BrokenPod> => {
    const sighting = sightings.get(one.id)
    const silent = sighting?.heardAt !== undefined && !heard.has(one.id)
    if (silent && sighting.busy && moment.now - (sighting.heardAt ?? 0) < moment.drainTimeoutMs) return []
    return loops.some((loop) => loop.id === one.id) ? [] : [{ ...one, silent }]
  })
  return {
    replicas: pods.map((pod) => readyByKubelet(pod, sightings.get(pod.name)!)),
    broken: [...loops, ...ownWord]
  }
}

/** Its grace is long over: the node does not answer, and only people or the cloud can say that it is gone. */
export const isStuck = (pod: PodView, now: number): boolean =>
  pod.overdueAt !== undefined && now >= pod.overdueAt + stuckAfterMs
