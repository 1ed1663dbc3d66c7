import { revisionLabel, slotLabel } from "../../src/operator/fleet/podNames.ts"
import { revisionOf } from "../../src/operator/reconcile/podSpec.ts"
import type { ApiRequest, ApiResponse } from "../../src/platform/kubernetes/KubeTransport.ts"
import type { Pod } from "../../src/platform/kubernetes/resources.ts"
import { copyOf, isLive, type Life, podsNow, poolNow, recent, settings, type Simulation } from "./simulation.ts"
import { isBusy } from "./world.ts"

/**
 * What must hold at every write of an operator, whatever has happened. What must hold in the end (I5, I6, I8, I10, I13,
 * I15) is in ending.ts.
 */

export const invariants = {
  I1: "never more pods than the maximum and one",
  I2: "one creation for each missing pod",
  I3: "no busy pod is deleted",
  I4: "no pod goes while nobody can read the queue",
  I5: "work wakes the pool at once",
  I6: "without work the pool goes back to its floor",
  I7: "a pod that waits for a node is not replaced by another that would wait",
  I8: "a crash after any write leads to the same end",
  I9: "an old picture deletes nothing",
  I10: "lost and doubled events change nothing in the end",
  I11: "two leaders create no more than one",
  I12: "a paused pool is left alone",
  I13: "a deleted pool leaves nothing behind",
  I14: "a generation is observed only once it was acted on",
  I15: "nothing is written while nothing happens"
} as const
export type Invariant = keyof typeof invariants

export class InvariantBroken extends Error {
  readonly invariant: Invariant
  constructor(invariant: Invariant, what: string) {
    super(`${invariant}, ${invariants[invariant]}: ${what}`)
    this.invariant = invariant
  }
}

const broken = (invariant: Invariant, what: string): never => {
  throw new InvariantBroken(invariant, what)
}

/** A decision under way when something changed may still be carried out. */
const underWayMs = 5_000
/** What was measured and decided may be so old when it is carried out. */
const decidedWithinMs = 10_000
/** One more than the maximum, for a pod on a node that does not answer. */
const surge = 1
const leaseMs = 15_000

const isOfPods = ({ path }: ApiRequest) => path.includes("/pods")

const targetOf = (simulation: Simulation, { path }: ApiRequest): Pod | undefined => {
  const name = /\/pods\/([^/?]+)/.exec(path)?.[1]
  return podsNow(simulation).find(({ metadata }) => metadata.name === name)
}

/** How late an operator may act because it or the API server stood still. */
const patienceMs = (life: Life): number => (life.frozenUntil > 0 ? underWayMs + 20_000 : underWayMs)

const isDeleting = (simulation: Simulation): boolean => poolNow(simulation)?.metadata.deletionTimestamp !== undefined

/** An event is on its way for so long. */
const freshMs = 3_000

const knowsSpec = (simulation: Simulation, { cluster }: Life): boolean => {
  const pool = cluster === undefined ? undefined : copyOf(cluster.pools)[0]
  return pool?.metadata.generation === poolNow(simulation)?.metadata.generation
}

/** Its picture is the truth; `roughly`: but for what is new, or was just written by itself. */
const isInformed = (simulation: Simulation, life: Life, how: "fully" | "roughly"): boolean => {
  const { behind, cluster, frozenUntil, written } = life
  const isNew = (at: number) => simulation.world.now - at < freshMs
  const counts = ({ metadata: { creationTimestamp, name } }: Pod) =>
    how === "fully" || (!isNew(written.get(name) ?? 0) && !isNew(Date.parse(creationTimestamp ?? "")))
  const namesOf = (pods: ReadonlyArray<Pod>) =>
    pods.filter(counts).map((pod) => `${pod.metadata.name} ${isLive(pod)}`).sort().join()
  if (cluster === undefined || frozenUntil > 0 || (behind !== undefined && simulation.world.now <= behind.until + underWayMs)) return false
  return knowsSpec(simulation, life) && namesOf(copyOf(cluster.pods)) === namesOf(podsNow(simulation))
}

const isHeld = (pod: Pod): boolean =>
  pod.spec.nodeName === undefined && pod.status?.conditions?.some(({ status, type }) => type === "PodScheduled" && status === "False") === true

/** Built from the pool as it is now. */
const isPresent = (simulation: Simulation, pod: Pod): boolean => {
  const pool = poolNow(simulation)
  return pool !== undefined && pod.metadata.labels?.[revisionLabel] === revisionOf(pool, settings)
}

const checkPaused = (simulation: Simulation, life: Life, request: ApiRequest, target: Pod | undefined): void => {
  const { pausedSince, world } = simulation
  const paused = poolNow(simulation)?.spec.paused ?? ""
  if (paused === "" || isDeleting(simulation) || !knowsSpec(simulation, life) || world.now - pausedSince <= patienceMs(life)) return
  const isForbidden = paused === "All" || (paused === "Out" && request.method === "POST") ||
    (paused === "In" && request.method === "DELETE" && target !== undefined && isLive(target))
  if (isForbidden) broken("I12", `${request.operation} while paused (${paused})`)
}

const checkDelete = (simulation: Simulation, life: Life, target: Pod): void => {
  const { unreadableSince, world } = simulation
  const { name } = target.metadata
  const agent = world.agents.get(name)
  if (agent !== undefined && isBusy(agent) && !agent.silent) broken("I3", `the busy pod ${name} is deleted`)
  if (!isLive(target) || isDeleting(simulation)) return
  if (unreadableSince !== undefined && world.now - unreadableSince > patienceMs(life)) {
    broken("I4", `the pod ${name} is deleted while nobody can read the queue`)
  }
  const pods = podsNow(simulation)
  const live = pods.filter(isLive).length
  const least = Math.min(...recent(simulation, decidedWithinMs).map(({ needed }) => needed))
  if (isHeld(target) && isPresent(simulation, target) && isInformed(simulation, life, "fully") && live <= least) {
    broken("I7", `${name} waits for a node and is deleted, while ${least} replicas are wanted and ${live} are there`)
  }
}

/** Before the API server has the request. */
export const checkRequest = (simulation: Simulation, life: Life, request: ApiRequest): void => {
  if (!isOfPods(request)) return checkStatus(simulation, life, request)
  const target = targetOf(simulation, request)
  checkPaused(simulation, life, request, target)
  if (request.method === "DELETE" && target !== undefined) checkDelete(simulation, life, target)
}

/** The time within which another led, too. */
const isAlone = (simulation: Simulation, life: Life): boolean =>
  simulation.lives.every((other) => other === life || (!other.leading && simulation.world.now - other.ledUntil > leaseMs))

/** To be called at each step: what two leaders decide depends on what they were told some time ago. */
export const followPictures = (simulation: Simulation): void => {
  if (!simulation.troubles.has("leaders")) return
  for (const life of simulation.lives) if (life.alive && !isInformed(simulation, life, "roughly")) life.misledAt = simulation.world.now
}

/** Who leads beside others must have been told of the pod that was in the slot before: names are made from that. */
const isKnownToLeaders = (simulation: Simulation, slot: string | undefined): boolean => {
  const last = simulation.lastInSlot.get(slot ?? "")
  return last !== undefined && simulation.lives.every((life) => !life.leading || (isInformed(simulation, life, "roughly") && simulation.world.now - life.misledAt > decidedWithinMs && life.known.has(last)))
}

const checkCreated = (simulation: Simulation, life: Life, created: Pod): void => {
  const pods = podsNow(simulation)
  const { name } = created.metadata
  const before = recent(simulation, life.frozenUntil > 0 ? decidedWithinMs + 20_000 : decidedWithinMs)
  const maximum = Math.max(...before.map((one) => one.maximum))
  if (isDeleting(simulation)) {
    const since = Date.parse(poolNow(simulation)?.metadata.deletionTimestamp ?? "")
    if (simulation.world.now - since > patienceMs(life)) broken("I13", `${name} is created for a pool that is being deleted`)
  }
  const alone = isAlone(simulation, life)
  if (alone && pods.length > maximum + surge) broken("I1", `${pods.length} pods, at most ${maximum} and ${surge} more are allowed`)
  const slot = created.metadata.labels?.[slotLabel]
  if (!isInformed(simulation, life, "roughly") || (!alone && !isKnownToLeaders(simulation, slot))) return
  const once: Invariant = alone ? "I2" : "I11"
  const others = pods.filter((pod) => pod.metadata.labels?.[slotLabel] === slot && pod.metadata.name !== name)
  if (others.length > 0) broken(once, `${name} is created beside ${others.map(({ metadata }) => metadata.name).join()}`)
  const needed = Math.max(...before.map((one) => one.needed))
  const live = pods.filter(isLive).length
  if (live > needed && live <= maximum) broken(once, `${name} is created: ${live} pods, and ${needed} are wanted`)
}

export interface Done {
  readonly request: ApiRequest
  readonly response: ApiResponse
  /** What a deletion was of. */
  readonly before: Pod | undefined
}

/** After the API server has done what it was asked. */
export const checkDone = (simulation: Simulation, life: Life, { before, request, response }: Done): void => {
  if (!isOfPods(request)) return
  const written = JSON.parse(response.body) as Pod
  life.written.set(written.metadata.name, simulation.world.now)
  if (request.method === "POST") return checkCreated(simulation, life, written)
  if (request.method !== "DELETE" || before === undefined) return
  const { name, resourceVersion, uid } = before.metadata
  if (!life.told.has(`${uid}/${resourceVersion}`)) broken("I9", `${name} is deleted by one who was never told what it is now`)
}

export const podBefore = (simulation: Simulation, request: ApiRequest): Pod | undefined =>
  isOfPods(request) && request.method === "DELETE" ? targetOf(simulation, request) : undefined

/** Those that the floor wants are there, or were, or cannot be. */
function checkStatus(simulation: Simulation, life: Life, request: ApiRequest): void {
  if (!request.path.includes("/status") || request.body === undefined) return
  const pool = poolNow(simulation)
  const { status } = JSON.parse(request.body) as { status?: { observedGeneration?: number; conditions?: ReadonlyArray<{ type: string; status: string }> } }
  const observed = status?.observedGeneration ?? 0
  if (pool === undefined || isDeleting(simulation) || observed <= simulation.observed) return
  simulation.observed = observed
  if (observed > (pool.metadata.generation ?? 0)) broken("I14", `generation ${observed} is observed before it is there`)
  if (!isInformed(simulation, life, "fully") || observed !== pool.metadata.generation || pool.spec.paused === "All" || pool.spec.paused === "Out") return
  if (status?.conditions?.some((condition) => condition.type === "Degraded" && condition.status === "True")) return
  const pods = podsNow(simulation)
  const live = pods.filter(isLive).length
  const lost = simulation.losses.filter((at) => at > simulation.world.now - decidedWithinMs).length
  const { maxReplicas, replicas } = pool.spec
  const wanted = Math.min(replicas, maxReplicas - (pods.length - live))
  if (live + lost < wanted) broken("I14", `generation ${observed} is said to be observed with ${live} pods, and it wants ${replicas}`)
}
