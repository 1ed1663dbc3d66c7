import { Clock, Effect, Fiber, Layer, Logger, Stream } from "effect"
import { Cluster } from "../../src/operator/fleet/Cluster.ts"
import { OperatorMetrics } from "../../src/operator/health/OperatorMetrics.ts"
import { operate } from "../../src/operator/operator.ts"
import { ApiUnavailable } from "../../src/platform/kubernetes/errors.ts"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import type { ApiRequest, ApiResponse, KubeTransport } from "../../src/platform/kubernetes/KubeTransport.ts"
import { lead } from "../../src/platform/kubernetes/Leadership.ts"
import type { EventFault, RequestFault } from "../../src/testing/apiserver/faults.ts"
import type { ShownEvent } from "../../src/testing/apiserver/reads.ts"
import { checkDone, checkRequest, podBefore } from "./invariants.ts"
import { kill, type Life, note, poolNow, settings, type Simulation, stopsLeading } from "./simulation.ts"
import { brokerOf } from "./world.ts"

/** Operators as they run in production, but for what they talk to: their ways there have faults, and each write is checked. */

const stepMs = 250

const isWrite = ({ method, path }: ApiRequest) => method !== "GET" && !path.includes("/events") && !path.includes("/leases")
const isListOf = (request: ApiRequest, plural: string) => request.method === "GET" && request.path.includes(`/${plural}?`)
const isLease = ({ path }: ApiRequest) => path.includes("/leases")

const has = ({ chaos, troubles }: Simulation, trouble: "requests" | "crashes" | "events"): boolean => chaos && troubles.has(trouble)

const unreachable = ({ operation }: ApiRequest, reason: string) => new ApiUnavailable({ operation, reason })

/** Waits while the process stands still. */
const whileFrozen = (simulation: Simulation, life: Life): Effect.Effect<void> =>
  Effect.suspend(() => {
    const ms = life.frozenUntil - simulation.world.now
    return ms > 0 ? Effect.andThen(Effect.sleep(ms + stepMs), whileFrozen(simulation, life)) : Effect.void
  })

/** A wall clock that may be wrong; timers and durations are right, and late when the process stood still. */
const clockOf = (simulation: Simulation, life: Life, base: Clock.Clock): Clock.Clock => {
  const skewNanos = () => BigInt(life.skewMs) * 1_000_000n
  const wallMs = () => base.currentTimeMillisUnsafe() + life.skewMs
  const wallNanos = () => base.currentTimeNanosUnsafe() + skewNanos()
  return {
    ...base,
    currentTimeMillisUnsafe: wallMs,
    currentTimeMillis: Effect.sync(wallMs),
    currentTimeNanosUnsafe: wallNanos,
    currentTimeNanos: Effect.sync(wallNanos),
    sleep: (duration) =>
      Effect.andThen(base.sleep(duration), Effect.provideService(whileFrozen(simulation, life), Clock.Clock, base))
  }
}

const faultOf = (simulation: Simulation, request: ApiRequest): RequestFault | undefined => {
  const { dice } = simulation
  if (!has(simulation, "requests") || !dice.chance(simulation.faultChance)) return undefined
  const refusals = [{ answer: { status: 500 } }, { answer: { status: 429, retryAfter: "1" } }, "reset"] as const
  return request.method === "GET"
    ? dice.pick([...refusals, { answer: { status: 410 } }] as const)
    : dice.pick([...refusals, { answer: { status: 409 } }, "lost", { delayMs: 1_500 }] as const)
}

const tell = (life: Life, object: { readonly metadata?: unknown }, isInTime = true): void => {
  const { resourceVersion, uid = "" } = object.metadata as { uid?: string; resourceVersion?: string }
  life.told.add(`${uid}/${resourceVersion}`)
  if (isInTime) life.known.add(uid)
}

/** What an operator is told by a list; one of a server that lags is an old one. */
const noteList = (life: Life, request: ApiRequest, response: ApiResponse): void => {
  if (!isListOf(request, "pods") || response.status !== 200) return
  for (const item of (JSON.parse(response.body) as { items: ReadonlyArray<{ metadata: unknown }> }).items) tell(life, item)
}

const brokenBy = (check: () => void): Error | undefined => {
  try {
    check()
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** While nobody waits for an operator that is there at once. */
const isDecisive = (simulation: Simulation): boolean =>
  simulation.chaos || poolNow(simulation)?.metadata.deletionTimestamp !== undefined

/** Sends a request on; whoever dies right after a write hears nothing of it. */
const perform = Effect.fnUntraced(function*(simulation: Simulation, life: Life, sent: ApiRequest) {
  const { dice, server } = simulation
  const write = isWrite(sent)
  const before = write ? podBefore(simulation, sent) : undefined
  // What the API server refuses does no harm.
  const broken = write ? brokenBy(() => checkRequest(simulation, life, sent)) : undefined
  const response = yield* server.transport.request(sent)
  noteList(life, sent, response)
  if (!write || response.status > 299) return response
  simulation.writes += 1
  simulation.violation ??= broken ?? brokenBy(() => checkDone(simulation, life, { request: sent, response, before }))
  if (isDecisive(simulation)) simulation.decisiveWrites += 1
  if ((isDecisive(simulation) && simulation.crashAfterWrite === simulation.decisiveWrites) || (has(simulation, "crashes") && dice.chance(0.03))) {
    note(simulation, `${life.identity} dies after this write`)
    kill(simulation, life)
    return yield* Effect.never
  }
  return response
})

const transportOf = (simulation: Simulation, life: Life, base: Clock.Clock): KubeTransport => {
  const { server, world } = simulation
  const request: KubeTransport["request"] = Effect.fnUntraced(function*(asked) {
    const sent = simulation.tamper(asked)
    yield* whileFrozen(simulation, life)
    if (!life.alive) return yield* Effect.never
    if (life.cutOffUntil > world.now) return yield* unreachable(sent, "no route to it")
    if (isWrite(sent)) {
      note(simulation, `${life.identity} ${sent.method} ${sent.path.split("?")[0]!.split("/").slice(-2).join("/")}`)
    } else if (!isLease(sent) && sent.method === "GET") simulation.reads += 1
    if (life.behind !== undefined) simulation.watchers.set(sent, life)
    const fault = faultOf(simulation, sent)
    if (fault === "reset") return yield* unreachable(sent, "reset")
    if (typeof fault === "object" && "answer" in fault) return { body: "", ...fault.answer }
    const response = yield* perform(simulation, life, sent)
    if (fault === "lost") return yield* unreachable(sent, "the answer was lost")
    if (typeof fault === "object" && "delayMs" in fault) yield* Effect.sleep(fault.delayMs)
    yield* whileFrozen(simulation, life)
    return response
  }, Effect.provideService(Clock.Clock, base))
  const open: KubeTransport["open"] = Effect.fnUntraced(function*(sent) {
    yield* whileFrozen(simulation, life)
    if (!life.alive) return yield* Effect.never
    if (life.cutOffUntil > world.now) return yield* unreachable(sent, "no route to it")
    simulation.watchers.set(sent, life)
    const opened = yield* server.transport.open(sent)
    return { ...opened, lines: Stream.mapEffect(opened.lines, (line) => Effect.as(whileFrozen(simulation, life), line)) }
  }, Effect.provideService(Clock.Clock, base))
  return { ...server.transport, request, open }
}

/** What becomes of an event on its way to one operator. */
export const eventFault = (simulation: Simulation, event: ShownEvent, watch: ApiRequest): EventFault => {
  const { dice, watchers, world } = simulation
  const life = watchers.get(watch)
  if (life === undefined || event.type === "BOOKMARK" || event.type === "ERROR") return "deliver"
  const isOfPods = watch.path.includes("/pods?")
  if (life.behind !== undefined && life.behind.until > world.now) {
    if (isOfPods) tell(life, event.object)
    return { delayMs: life.behind.until - world.now }
  }
  const fate: EventFault = has(simulation, "events") && dice.chance(simulation.faultChance / 2) ? dice.pick(["twice", { delayMs: 2_000 }, "drop"] as const)! : "deliver"
  if (isOfPods && fate !== "drop") tell(life, event.object, typeof fate !== "object")
  return fate
}

/** An operator that has just started may be told what was so some seconds ago, and the rest later. */
export const requestFault = (simulation: Simulation, request: ApiRequest): RequestFault | undefined => {
  const life = simulation.watchers.get(request)
  const isBehind = life?.behind !== undefined && life.behind.until > simulation.world.now
  return isBehind && life.behind!.revision >= simulation.server.store.compacted ? { asOf: life.behind!.revision } : undefined
}

const behindOf = ({ chaos, dice, history, troubles, world }: Simulation): Life["behind"] => {
  if (!chaos || !troubles.has("stale") || !dice.chance(0.6)) return undefined
  const revision = history.findLast(({ at }) => at <= world.now - dice.between(1_000, 20_000))?.revision
  return revision === undefined ? undefined : { revision, until: world.now + dice.between(500, 4_000) }
}

export const startLife = (simulation: Simulation, identity: string): Life => {
  const life: Life = {
    identity, alive: true, skewMs: 0, frozenUntil: 0, cutOffUntil: 0, behind: behindOf(simulation), leading: false,
    ledUntil: Number.NEGATIVE_INFINITY, written: new Map(), told: new Set(), known: new Set(), misledAt: Number.NEGATIVE_INFINITY, cluster: undefined
  }
  simulation.lives.push(life)
  return life
}

/** What an operator says is part of what happened. */
const wordsOf = (simulation: Simulation, { identity }: Life) =>
  Logger.layer([Logger.make(({ message }) => note(simulation, `${identity} says: ${String(message)}`))])

const work = Effect.fnUntraced(function*(simulation: Simulation, life: Life) {
  yield* Effect.acquireRelease(
    Effect.sync(() => void (life.leading = life.alive)),
    () => Effect.sync(() => stopsLeading(simulation, life))
  )
  note(simulation, `${life.identity} leads`)
  return yield* operate({ ...settings, identity: life.identity })
}, Effect.scoped)

/** An operator that comes back some time after each death. */
export const runOperator = Effect.fnUntraced(function*(simulation: Simulation, identity: string) {
  const base = yield* Clock.Clock
  while (true) {
    const life = startLife(simulation, identity)
    const services = Layer.mergeAll(Cluster.layer, OperatorMetrics.layer).pipe(
      Layer.provideMerge(KubeClient.over(transportOf(simulation, life, base))),
      Layer.provideMerge(brokerOf(simulation.world)),
      Layer.provideMerge(wordsOf(simulation, life)),
      Layer.fresh
    )
    const lease = simulation.chaos && simulation.troubles.has("leaders") ? `darkroom-operator-${identity}` : "darkroom-operator"
    const program = Effect.gen(function*() {
      life.cluster = yield* Cluster
      return yield* lead({ name: lease, identity }, work(simulation, life))
    })
    const fiber = yield* Effect.forkDetach(Effect.provideService(Effect.provide(program, services), Clock.Clock, clockOf(simulation, life, base)))
    while (life.alive) yield* Effect.sleep(stepMs)
    // Whatever it still does takes its time and reaches nobody.
    yield* Effect.forkDetach(Fiber.interrupt(fiber))
    yield* Effect.sleep(simulation.dice.between(1, 8) * 1_000)
  }
})
