import type { GpuPoolStatus } from "../../contract/GpuPool.ts"
import type { Sighting } from "../fleet/observe.ts"
import type { PodView } from "../fleet/podView.ts"

/** How long starts of pods take, and which have just ended. Pure. */

type ColdStart = NonNullable<GpuPoolStatus["coldStart"]>

const elapsedMs = (from: number, to: number): number => Math.max(0, Math.round(to - from))

/**
 * From the pod's creation to each step of its start; Kubernetes tells whole seconds. Images are pulled when the sandbox is
 * there. `loadMs`: what the agent says that its models took.
 */
export const coldStartOf = (pod: PodView, readyAt: number, loadMs?: number): ColdStart => {
  const { createdAt, runningSince, sandboxAt, scheduledAt } = pod
  const pullsFrom = sandboxAt ?? scheduledAt
  return {
    ...(scheduledAt === undefined ? {} : { scheduledMs: elapsedMs(createdAt, scheduledAt) }),
    ...(runningSince === undefined ? {} : { startedMs: elapsedMs(createdAt, runningSince) }),
    readyMs: elapsedMs(createdAt, readyAt),
    ...(runningSince === undefined || pullsFrom === undefined ? {} : { imageMs: elapsedMs(pullsFrom, runningSince) }),
    ...(loadMs === undefined ? {} : { modelMs: loadMs })
  }
}

interface Look {
  /** As they were at the look before. */
  readonly before: ReadonlyArray<Sighting>
  /** The first look of this operator. */
  readonly since: number
  readonly pods: ReadonlyArray<PodView>
  readonly sightings: ReadonlyArray<Sighting>
}

/** Ready now and not at the look before, the earliest first; those that were ready before this operator's time do not count. */
export const freshlyReady = (
  { before, pods, sightings, since }: Look
): ReadonlyArray<{ readonly pod: PodView; readonly readyAt: number }> =>
  pods.flatMap((pod) => {
    const readyAt = sightings.find((one) => one.id === pod.name)?.readyAt
    const seen = before.find((one) => one.id === pod.name)
    const isNew = seen === undefined ? pod.createdAt >= since : seen.readyAt === undefined
    // A restart of the container within the pod is no cold start.
    return readyAt !== undefined && isNew && pod.restarts === 0 ? [{ pod, readyAt }] : []
  }).sort((a, b) => a.readyAt - b.readyAt)
