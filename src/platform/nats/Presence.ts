import type { NatsConnection } from "@nats-io/transport-node"
import { Clock, Context, Effect, Layer, Stream } from "effect"
import { Heartbeat } from "../../contract/AgentMessages.ts"
import { PoolStatusMessage } from "../../contract/GpuPool.ts"
import { allHeartbeats, allPoolStatuses, heartbeatsOf, heartbeatSubject, poolStatusSubject } from "../../contract/subjects.ts"
import { Connection } from "./Connection.ts"
import { coreMessages } from "./coreMessages.ts"
import { type Claim, Listening } from "./silence.ts"

/** A pool whose fleet says nothing for this long has no status. */
const poolStatusMaxAgeMs = 10_000
/** How long the broker may take to hand over what it still holds for this connection. */
const catchUpTimeoutMs = 1_000

/** Who is alive: agents' heartbeats as this program hears them, and the local fleet's pool status. Never the truth. */
export class Presence extends Context.Service<Presence, {
  readonly beat: (heartbeat: Heartbeat) => Effect.Effect<void>
  /** Agents of a pool (all pools without one) heard within the silence time. */
  readonly alive: (pool?: string) => Effect.Effect<ReadonlyArray<Heartbeat>>
  /**
   * True when no heartbeat naming this claim was heard for two intervals counted from this program's own (re)connect
   * (job-log rule 2). False while this program has not yet listened that long.
   */
  readonly isSilent: (claim: Claim) => Effect.Effect<boolean>
  readonly announcePool: (message: PoolStatusMessage) => Effect.Effect<void>
  /** Latest status of each pool heard in the last 10 s. */
  readonly pools: Effect.Effect<ReadonlyMap<string, PoolStatusMessage>>
  /** Messages that could not be read since the start; they are skipped. */
  readonly unreadable: Effect.Effect<number>
}>()("darkroom/platform/nats/Presence") {
  /** Of all pools. */
  static readonly layer = Layer.effect(Presence, Effect.suspend(() => make(allHeartbeats, allPoolStatuses)))

  /** For an agent, whose user hears no other pool's. */
  static readonly layerOf = (pool: string) => Layer.effect(Presence, make(heartbeatsOf(pool), undefined))
}

const make = Effect.fnUntraced(function*(heartbeats: string, statuses: string | undefined) {
  const { nc } = yield* Connection
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const messages = coreMessages(nc)
  const listening = new Listening()
  const pools = new Map<string, { readonly message: PoolStatusMessage; readonly heardAtMs: number }>()

  yield* followConnection(nc, listening, now)
  // The broker lets an agent speak on its own pool's subjects only; a heartbeat must say the same.
  yield* messages.subscribe(heartbeats, Heartbeat, (heartbeat, subject) => {
    if (subject === heartbeatSubject(heartbeat.pool, heartbeat.agent)) listening.hear(heartbeat, now())
  })
  if (statuses !== undefined) {
    yield* messages.subscribe(statuses, PoolStatusMessage, (message) =>
      void pools.set(message.pool, { message, heardAtMs: now() }))
  }
  listening.connected(now())

  const isSilent = Effect.fn("Presence.isSilent")(function*(claim: Claim) {
    if (!listening.isSilent(claim, now())) return false
    // This process may have been paused: what the broker sent meanwhile is still unread.
    const caughtUp = yield* Effect.tryPromise(() => nc.flush()).pipe(
      Effect.timeout(catchUpTimeoutMs),
      Effect.match({ onFailure: () => false, onSuccess: () => true })
    )
    return caughtUp && listening.isSilent(claim, now())
  })

  return Presence.of({
    beat: (heartbeat) =>
      messages.publish(heartbeatSubject(heartbeat.pool, heartbeat.agent), Heartbeat, heartbeat),
    alive: (pool) => Effect.sync(() => listening.alive(now(), pool)),
    isSilent,
    announcePool: (message) => messages.publish(poolStatusSubject(message.pool), PoolStatusMessage, message),
    pools: Effect.sync(() => {
      const oldestMs = now() - poolStatusMaxAgeMs
      for (const [pool, { heardAtMs }] of pools) if (heardAtMs <= oldestMs) pools.delete(pool)
      return new Map([...pools].map(([pool, { message }]) => [pool, message]))
    }),
    unreadable: Effect.sync(messages.unreadable)
  })
})

/** While the broker is away nothing can be heard, so that time does not count as silence. */
const followConnection = (nc: NatsConnection, listening: Listening, now: () => number) => {
  const status = nc.status()
  return Stream.fromAsyncIterable(status, (cause) => cause).pipe(
    Stream.runForEach(({ type }) =>
      Effect.sync(() => {
        if (type === "disconnect" || type === "staleConnection") listening.disconnected()
        if (type === "reconnect") listening.connected(now())
      })
    ),
    Effect.ignore,
    Effect.forkScoped
  )
}
