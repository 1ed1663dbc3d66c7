import type { Sighting } from "../fleet/observe.ts"
import type { PodView } from "../fleet/podView.ts"

/** How long starts of pods take, and which have just ended. Pure. */

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
