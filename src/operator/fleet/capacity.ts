import type { Sighting } from "./observe.ts"
import { isStuck, type SeenStarts } from "./podSightings.ts"
import type { PodView } from "./podView.ts"

/** Which pods stand for work that can be done. Pure. */

/**
 * An agent that was not heard for so long does nothing that counts: the broker has handed its job to others by then. Its pod may be
 * kept for much longer, in case it comes back.
 */
export const lostAfterMs = 60_000

export interface Seen {
  readonly pods: ReadonlyArray<PodView>
  readonly sightings: ReadonlyArray<Sighting>
  readonly started: SeenStarts
  readonly listeningSince: number | undefined
  readonly now: number
}

const isSilent = (pod: PodView, sighting: Sighting | undefined, { listeningSince, now, started }: Seen): boolean => {
  // An agent speaks from its first second on, so one that runs and was never heard is silent since it was started.
  const heardAt = sighting?.heardAt ?? (pod.runningSince === undefined ? undefined : started.get(pod.uid)?.runningSeenAt ?? pod.runningSince)
  if (heardAt === undefined || listeningSince === undefined) return false
  return now - Math.max(heardAt, listeningSince) >= lostAfterMs
}

export const lostPods = (seen: Seen): ReadonlySet<string> => {
  const sightings = new Map(seen.sightings.map((one) => [one.id, one]))
  return new Set(seen.pods.filter((pod) => isStuck(pod, seen.now) || isSilent(pod, sightings.get(pod.name), seen)).map((pod) => pod.name))
}

/**
 * What a decision counts. Pods that are lost stand for no work, and take room as long as they are there; except one of
 * them, so that a dead node does not hold up a pool at its maximum: the surge above it is never more than that.
 */
export const capacityOf = (seen: Seen): ReadonlyArray<Sighting> => {
  const lost = lostPods(seen)
  const [surge] = lost
  return seen.sightings
    .filter((sighting) => sighting.id !== surge)
    .map((sighting) => (lost.has(sighting.id) ? { ...sighting, phase: "stopping" } : sighting))
}
