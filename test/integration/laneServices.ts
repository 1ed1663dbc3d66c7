import { Effect, Layer, Option, Stream } from "effect"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { JobLog, type JobView } from "../../src/platform/nats/JobLog.ts"
import { Lanes, type WorkMessage } from "../../src/platform/nats/Lanes.ts"
import { Presence } from "../../src/platform/nats/Presence.ts"
import { logReady } from "../../src/platform/nats/provision.ts"
import { Signals } from "../../src/platform/nats/Signals.ts"
import { NatsServer } from "../../src/testing/NatsServer.ts"
import { environmentOf, eventually } from "./logServices.ts"

const services = Layer.mergeAll(JobLog.layer, Lanes.layer, Presence.layer, Signals.layer)

const environment = Layer.unwrap(Effect.map(NatsServer, (server) => environmentOf(server)))

/** A broker with the log set up, and the services of one program. */
export const laneServices = services.pipe(
  Layer.provideMerge(logReady),
  Layer.provideMerge(Connection.layer("lanes-test")),
  Layer.provide(environment),
  Layer.provideMerge(NatsServer.layer)
)

/** Another program on the same broker: its own connection, its own memory of lanes. */
export const program = (name: string) =>
  services.pipe(Layer.provideMerge(Connection.layer(name)), Layer.provide(environment), Layer.fresh)

/** What an agent of this pool hears of others. */
export const presenceOf = (pool: string) =>
  Presence.layerOf(pool).pipe(Layer.provide(Connection.layer("agent")), Layer.provide(environment), Layer.fresh)

let pools = 0
/** A pool of its own for each test, with the lanes of these models. */
export const freshPool = (...models: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const pool = `pool-${++pools}`
    const lanes = yield* Lanes
    yield* lanes.ensure(pool, models)
    return pool
  })

const never = () => Number.POSITIVE_INFINITY

export const poll = (pool: string, loaded: ReadonlyArray<string> = ["noop"]) =>
  Lanes.use((lanes) => lanes.poll({ pool, loaded, others: [], affinityDelayMs: never }))

/** Polls until there is a message; dies after ten seconds. */
export const pollSome = (pool: string, loaded: ReadonlyArray<string> = ["noop"]): Effect.Effect<WorkMessage, never, Lanes> =>
  Effect.gen(function*() {
    let taken: WorkMessage | undefined
    yield* eventually(
      `a message of ${pool}`,
      Effect.map(poll(pool, loaded), (message) => {
        taken = message
        return message !== undefined
      })
    )
    return taken as WorkMessage
  }).pipe(Effect.orDie)

/** Until WORK holds the message made from this `queued`. */
export const inWork = (view: JobView) =>
  eventually(
    `a work message of ${view.record.job_id}`,
    Lanes.use((lanes) => lanes.holds(view.record.job_id, view.queuedSequence))
  )

export const depthOf = (pool: string) => Lanes.use((lanes) => lanes.depth(pool))

/** What the stream brings first. */
export const firstOf = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Stream.runHead(stream).pipe(Effect.map(Option.getOrThrow))
