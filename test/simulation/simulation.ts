import { Effect, Exit } from "effect"
import type { Cluster } from "../../src/operator/fleet/Cluster.ts"
import type { OperatorSettings } from "../../src/operator/operator.ts"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import type { ApiRequest } from "../../src/platform/kubernetes/KubeTransport.ts"
import type { Reflector } from "../../src/platform/kubernetes/Reflector.ts"
import type { Pod, StoredGpuPool } from "../../src/platform/kubernetes/resources.ts"
import { kinds } from "../../src/testing/apiserver/kinds.ts"
import type { MemoryApiServer } from "../../src/testing/MemoryApiServer.ts"
import type { Kubelets } from "./kubelets.ts"
import type { Dice } from "./random.ts"
import { depthOf, type World } from "./world.ts"

/** All that one simulated life of a pool consists of, and the truth about it. */

/** What can go wrong. Each life has some of them, so that each is also met without the others. */
export const troubles = [
  /** Events of watches are dropped, told twice, told late and out of order; watches break and their past is forgotten. */
  "events",
  /** A restarted operator is told an old list first. */
  "stale",
  /** 409, 410, 429, 500, broken connections, lost and late answers; an API server that one operator cannot reach. */
  "requests",
  /** An operator dies, most of the time right after a write. */
  "crashes",
  /** The lease is somebody else's, or gone. */
  "lease",
  /** An operator's wall clock is set forward or back. */
  "clock",
  /** An operator's process stands still and goes on. */
  "freeze",
  /** Two operators lead at the same time. */
  "leaders",
  /** The broker is away, its depth unreadable, its answers late; heartbeats and wake-ups are lost. */
  "broker",
  /** Pods fail and are evicted, nodes are cut off, there is no room, or a scheduling gate. */
  "nodes",
  /** The spec changes in more than its floor: maximum, pause, template. */
  "spec"
] as const
export type Trouble = (typeof troubles)[number]

/** One start of an operator's process. */
export interface Life {
  readonly identity: string
  alive: boolean
  /** What its wall clock is wrong by. */
  skewMs: number
  frozenUntil: number
  /** No answer of the API server reaches it. */
  cutOffUntil: number
  /** It is told what was so at that revision. */
  behind: { readonly revision: number; readonly until: number } | undefined
  leading: boolean
  ledUntil: number
  /** Pods that it created or deleted itself, and when. */
  readonly written: Map<string, number>
  /** `uid/resourceVersion` of every pod that it was told. */
  readonly told: Set<string>
  /** UIDs of the pods that it was told of in time. */
  readonly known: Set<string>
  /** When its picture was last another than the truth. */
  misledAt: number
  cluster: Cluster["Service"] | undefined
}

export interface Simulation {
  readonly seed: number
  readonly dice: Dice
  readonly troubles: ReadonlySet<Trouble>
  readonly world: World
  readonly server: MemoryApiServer
  readonly kubelets: Kubelets
  readonly lives: Array<Life>
  readonly trace: Array<string>
  violation: Error | undefined
  chaos: boolean
  unreadableSince: number | undefined
  /** Since when `spec.paused` is what it is. */
  pausedSince: number
  /** The revision of the store, and the replicas that the spec and the queue ask for, as they changed. */
  readonly history: Array<{ readonly at: number; readonly revision: number; readonly needed: number; readonly maximum: number }>
  /** UID of the last pod in each slot that is gone. */
  readonly lastInSlot: Map<string, string>
  /** When a pod was lost, ended or told to go. */
  readonly losses: Array<number>
  /** The last generation that an operator says it has acted on. */
  observed: number
  /** Done for operators, without leases and events. */
  writes: number
  reads: number
  /** Of the writes those in the chaos, and in the end of the pool. */
  decisiveWrites: number
  /** An operator dies after this one of the decisive writes; 0 = after none. */
  readonly crashAfterWrite: number
  /** Of a request to fail; half as many events do. */
  readonly faultChance: number
  /** What an operator that is built wrong sends instead. */
  readonly tamper: (request: ApiRequest) => ApiRequest
  /** Whose a request is, of those whose answers depend on it. */
  readonly watchers: WeakMap<ApiRequest, Life>
}

/** When every life begins. */
export const epochMs = Date.UTC(2026, 0, 1)

export const settings: OperatorSettings = {
  identity: "operator", concurrency: 2, image: { cpu: "cpu", cuda: "cuda" }, natsUrl: "nats://nats", natsSecret: "", environment: {}
}

export const poolName = "pool"
export const poolSpec = {
  models: ["noop"],
  replicas: 0,
  maxReplicas: 4,
  placement: { gpu: { count: 0 } },
  scaling: { cooldown: "2s" },
  lifecycle: { drainTimeout: "600s", startupTimeout: "20s" }
}

const stored = <A>({ server }: Pick<Simulation, "server">, plural: string): ReadonlyArray<A> => {
  const kind = kinds.find((one) => one.plural === plural)!
  return server.store.list(kind, "default").map(({ object }) => object as A)
}

export const poolNow = (simulation: Pick<Simulation, "server">) => stored<StoredGpuPool>(simulation, "gpupools")[0]
export const podsNow = (simulation: Pick<Simulation, "server">) => stored<Pod>(simulation, "pods")

export const isLive = ({ metadata, status }: Pod): boolean => metadata.deletionTimestamp === undefined && status?.phase !== "Failed"

/** What an operator takes for true now; nothing before its first list. */
export const copyOf = <A>(reflector: Reflector<A>): ReadonlyArray<A> => {
  const exit = Effect.runSyncExit(reflector.all)
  return Exit.isSuccess(exit) ? exit.value : []
}

/** People's and gateways' way to the API server: nothing goes wrong there. */
export const clientOf = (server: MemoryApiServer) => {
  const layer = KubeClient.over(server.transport)
  return <A, E>(use: (client: KubeClient["Service"]) => Effect.Effect<A, E>): Effect.Effect<A> =>
    KubeClient.use(use).pipe(Effect.provide(layer), Effect.orDie)
}

export const note = (simulation: Simulation, what: string): void => {
  simulation.trace.push(`${String(simulation.world.now - epochMs).padStart(7)} ${what}`)
}

/** To be called when the spec or the queue has changed. */
export const remember = (simulation: Simulation): void => {
  const { history, server, world } = simulation
  const pool = poolNow(simulation)
  if (pool === undefined) return
  const { maxReplicas, replicas } = pool.spec
  const needed = Math.min(Math.max(replicas, depthOf(world)), maxReplicas)
  const last = history.at(-1)
  if (last?.needed === needed && last.maximum === maxReplicas && last.revision === server.store.revision) return
  history.push({ at: world.now, revision: server.store.revision, needed, maximum: maxReplicas })
}

/** What was so at some time within the last `ms`. */
export const recent = ({ history, world }: Simulation, ms: number) => {
  let first = history.length - 1
  while (first > 0 && history[first]!.at > world.now - ms) first -= 1
  return history.slice(Math.max(0, first))
}

export const kill = (simulation: Simulation, life: Life): void => {
  if (!life.alive) return
  life.alive = false
  stopsLeading(simulation, life)
}

export const stopsLeading = (simulation: Simulation, life: Life): void => {
  if (life.leading) life.ledUntil = simulation.world.now
  life.leading = false
}
