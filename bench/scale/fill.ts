import { Effect } from "effect"
import { gpuPools, type StoredGpuPool } from "../../src/platform/kubernetes/resources.ts"
import { fakeAgents } from "./agents.ts"
import { type Call, countsOf, isLease, isWrite } from "./calls.ts"
import { startNodes } from "./nodes.ts"
import { cpuByProgram, type Footprint, footprintOf } from "./programs.ts"
import { makePool, operatorAgent, type Site, until } from "./site.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"

/**
 * Many pools with many pods: how long until every pool's status says that all its agents are ready, what the operator asks of the
 * API server for that, and what it asks of it afterwards, when nothing happens. Nodes and agents are fake: nodes.ts, agents.ts.
 */

export interface FillSettings {
  readonly pools: number
  readonly podsEach: number
  readonly idleS: number
}

export interface Stage {
  readonly what: string
  /** From the first write of the bench to the last status that says so. */
  readonly seconds: number
  /** Of that, until the API server had answered the operator's last creation or deletion of a pod; 0 when there was none. */
  readonly podsWrittenS: number
  /** How long the bench itself took to write what it wants. */
  readonly askedS: number
  readonly operatorCpuS: number
  /** Processor time of everything that took part: they share the machine's cores. */
  readonly cpuS: Readonly<Record<string, number>>
  /** Looks at pools. */
  readonly reconciles: number
  readonly operator: Footprint
  /** The operator's, by verb and resource, its lease apart. */
  readonly calls: Readonly<Record<string, number>>
  readonly leaseCalls: number
}

export interface Idle {
  readonly what: string
  readonly seconds: number
  readonly writesAMinute: number
  readonly leaseRenewalsAMinute: number
  readonly readsAMinute: number
  readonly calls: Readonly<Record<string, number>>
  readonly reconciles: number
  /** Share of one core. */
  readonly operatorCpu: number
  readonly operator: Footprint
}

const nodeCount = 10
/** What the last change leaves behind, such as figures that may wait and events, is over by then. */
const settle = "10 seconds"
const writesAtOnce = 16

const podWrites = (calls: ReadonlyArray<Call>) => calls.filter(({ resource, verb }) => resource === "pods" && (verb === "create" || verb === "delete"))

const hasConverged = ({ metadata, status }: StoredGpuPool, ready: number): boolean =>
  status !== undefined && status.observedGeneration === metadata.generation && status.readyReplicas === ready && status.replicas === ready &&
  (status.terminatingReplicas ?? 0) === 0 && status.lanesReadyFor.length > 0

const stage = Effect.fnUntraced(function*<E>(site: Site, what: string, ready: number, ask: Effect.Effect<unknown, E>) {
  const before = footprintOf(site.operator)
  const looked = yield* site.reconciles
  const names = new Map([[site.operator.pid, "operator"]])
  const cpuBefore = cpuByProgram(names)
  const from = Date.now()
  yield* ask
  const asked = Date.now()
  let late: ReadonlyArray<StoredGpuPool> = []
  const isDone = Effect.map(site.pools.all, (all) => {
    late = all.filter((pool) => !hasConverged(pool, ready))
    return late.length === 0
  })
  const explain = () => `${late.length} pools are not there yet; the first: ${JSON.stringify(late[0]?.status)}`
  yield* until(what, site.operator, isDone, explain)
  const to = Date.now()
  const operator = footprintOf(site.operator)
  const cpuS = Object.fromEntries(Object.entries(cpuByProgram(names)).map(([name, seconds]) => [name, seconds - (cpuBefore[name] ?? 0)]))
  const calls = site.audit.between(operatorAgent, from, to)
  const lastPod = Math.max(from, ...podWrites(calls).map(({ at }) => at))
  return {
    what,
    seconds: (to - from) / 1_000,
    podsWrittenS: (lastPod - from) / 1_000,
    askedS: (asked - from) / 1_000,
    reconciles: (yield* site.reconciles) - looked,
    operatorCpuS: operator.cpuS - before.cpuS,
    cpuS,
    operator,
    calls: countsOf(calls.filter((call) => !isLease(call))),
    leaseCalls: calls.filter(isLease).length
  } satisfies Stage as Stage
})

const idle = Effect.fnUntraced(function*(site: Site, what: string, seconds: number) {
  yield* Effect.sleep(settle)
  const before = footprintOf(site.operator)
  const looked = yield* site.reconciles
  const from = Date.now()
  yield* Effect.sleep(seconds * 1_000)
  const to = Date.now()
  const operator = footprintOf(site.operator)
  const all = site.audit.between(operatorAgent, from, to)
  const calls = all.filter((call) => !isLease(call))
  const aMinute = (count: number) => (count * 60_000) / (to - from)
  return {
    what,
    seconds: (to - from) / 1_000,
    writesAMinute: aMinute(calls.filter(isWrite).length),
    leaseRenewalsAMinute: aMinute(all.filter(isLease).length),
    readsAMinute: aMinute(calls.filter((call) => !isWrite(call)).length),
    calls: countsOf(calls),
    reconciles: (yield* site.reconciles) - looked,
    operatorCpu: (operator.cpuS - before.cpuS) / ((to - from) / 1_000),
    operator
  } satisfies Idle as Idle
})

/** `tell` hears of each stage as it ends. */
export const measureFill = Effect.fnUntraced(function*(
  site: Site,
  { idleS, podsEach, pools }: FillSettings,
  tell: (found: Stage | Idle) => Effect.Effect<void>
) {
  yield* startNodes(site, nodeCount, Math.ceil((pools * podsEach) / nodeCount) + podsEach)
  yield* Effect.provideService(fakeAgents(site.pods), Connection, site.connection)
  const names = Array.from({ length: pools }, (_, index) => `fill-${index}x`)
  const spec = { models: ["fake"], replicas: podsEach, maxReplicas: podsEach, scaling: { cooldown: "1s" } }
  const everyPool = <E>(write: (name: string) => Effect.Effect<unknown, E>) => Effect.forEach(names, write, { concurrency: writesAtOnce, discard: true })
  const scaleTo = (replicas: number) => everyPool((name) => site.client.scale(gpuPools, name, replicas))
  const total = pools * podsEach
  return {
    made: yield* Effect.tap(stage(site, `${pools} new pools: lanes and pods made, ${total} agents ready`, podsEach, everyPool((name) => makePool(site, name, spec))), tell),
    idleFull: yield* Effect.tap(idle(site, `${total} agents ready, no jobs`, idleS), tell),
    emptied: yield* Effect.tap(stage(site, `to zero: ${total} agents asked to drain, their pods deleted`, 0, scaleTo(0)), tell),
    idleEmpty: yield* Effect.tap(idle(site, `${pools} pools at zero`, idleS), tell),
    filled: yield* Effect.tap(stage(site, `from zero again: ${total} pods made, agents ready`, podsEach, scaleTo(podsEach)), tell)
  }
})
