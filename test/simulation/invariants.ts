import type { ApiRequest } from "../../src/platform/kubernetes/KubeTransport.ts"
import type { Pod, StoredGpuPool } from "../../src/platform/kubernetes/resources.ts"
import { isBusy, type World } from "./world.ts"

/** What must hold at every write of an operator, whatever has happened (kubernetes-operator invariants by their numbers). */

export interface Moment {
  readonly world: World
  readonly pool: StoredGpuPool | undefined
  readonly pods: ReadonlyArray<Pod>
  /** The largest maximum of the last seconds: a decision may be some old. */
  readonly recentMaximum: number
  readonly brokerAwaySince: number | undefined
  readonly pausedSince: number | undefined
}

export class InvariantBroken extends Error {}

const broken = (invariant: string, what: string): never => {
  throw new InvariantBroken(`${invariant}: ${what}`)
}

/** A decision under way when something changed may still be carried out. */
const underWayMs = 5_000
/** One more than the maximum, for a pod on a node that does not answer. */
const surge = 1

const podOf = (request: ApiRequest): string | undefined => /\/pods\/([^/?]+)/.exec(request.path)?.[1]

const isWriteToPods = ({ method, path }: ApiRequest) => method !== "GET" && path.includes("/pods")

export const checkWrite = (request: ApiRequest, { brokerAwaySince, pausedSince, pods, pool, recentMaximum, world }: Moment): void => {
  if (!isWriteToPods(request)) return
  const isDeleting = pool === undefined || pool.metadata.deletionTimestamp !== undefined
  if (pausedSince !== undefined && world.now - pausedSince > underWayMs && !isDeleting) {
    broken("I12", `${request.operation} while paused`)
  }
  if (request.method === "POST") {
    if (isDeleting) broken("I13", "a pod is created for a pool that is being deleted")
    if (pods.length > recentMaximum + surge) broken("I1", `${pods.length} pods, at most ${recentMaximum} are allowed`)
  }
  if (request.method !== "DELETE") return
  const name = podOf(request) ?? ""
  const agent = world.agents.get(name)
  const pod = pods.find(({ metadata }) => metadata.name === name)
  if (agent !== undefined && isBusy(agent) && !agent.silent) broken("I3", `the busy pod ${name} is deleted`)
  const isEnded = pod?.status?.phase === "Failed"
  if (brokerAwaySince !== undefined && world.now - brokerAwaySince > underWayMs && !isEnded && !isDeleting) {
    broken("I4", `the pod ${name} is deleted while nobody can read the queue`)
  }
}
