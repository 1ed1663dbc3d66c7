import type { StreamInfo } from "@nats-io/jetstream"
import { Context, Effect, Layer, type Stream } from "effect"
import { parseLaneConsumer } from "../../contract/subjects.ts"
import { Connection } from "./Connection.ts"
import type { LogUnavailable } from "./errors.ts"
import { completeLanes, consumerNames, ensureLanes, isLaneOf, readLanes, removeLanes } from "./laneConsumers.ts"
import { makePoll } from "./lanePoll.ts"
import { makeWakes, type Wake } from "./laneWakes.ts"
import type { PollRequest } from "./PolledLanes.ts"
import { type Depth, depthOf, isFull, lagOf, lanesMissing, sourceProblem, sourcesOf, unownedOf, unreadable } from "./workDepth.ts"
import type { WorkMessage } from "./workMessage.ts"
import { purgeMessagesOfJob, readHolds, readOnTheWay, readPosition, readWork } from "./workReads.ts"

export type { PollRequest } from "./PolledLanes.ts"
export type { WorkMessage } from "./workMessage.ts"
export type { Wake } from "./laneWakes.ts"
export type { Depth } from "./workDepth.ts"

/** A message is on its way into WORK for less than this; what lags longer is counted as depth. */
const lagSettlesMs = 40
/** Messages come and go between two reads, so a difference counts only when it stays. */
const unownedReads = 3

/** The stream WORK and its consumers, one a pool × model × lane. This service alone knows consumers' names. */
export class Lanes extends Context.Service<Lanes, {
  /** Creates the missing consumers of a pool's models; before this no job may be routed there. */
  readonly ensure: (pool: string, models: ReadonlyArray<string>) => Effect.Effect<void, LogUnavailable>
  /** Deletes the consumers of a pool (all its models unless named). Only when nothing of it runs (rule 24). */
  readonly remove: (pool: string, models?: ReadonlyArray<string>) => Effect.Effect<void, LogUnavailable>
  /**
   * Deletes the consumers of models that the pool has no more, each model's as soon as nothing of it waits or runs. True
   * when none of them is left.
   */
  readonly removeDropped: (pool: string, models: ReadonlyArray<string>) => Effect.Effect<boolean, LogUnavailable>
  /** Pool → models that have all their lanes. */
  readonly existing: Effect.Effect<ReadonlyMap<string, ReadonlyArray<string>>, LogUnavailable>
  /**
   * One message or none, without waiting, polling lanes in the schedule's order: loaded models first, other models
   * only when their head is older than `affinityDelayMs(model)`; priorities by weight with ageing; shares in turns.
   * Fails with the names of consumers that do not exist, but only when no other lane had a message.
   */
  readonly poll: (request: PollRequest) => Effect.Effect<WorkMessage | undefined, LogUnavailable>
  /** `wake.<pool>` as WORK republishes it: the message can be pulled by then. At most once, so poll every second too. */
  readonly wakes: (pool: string) => Stream.Stream<Wake, LogUnavailable>
  readonly depth: (pool: string) => Effect.Effect<Depth>
  /** Messages of WORK that belong to no consumer: a pool's lanes are gone while jobs wait in them (rule 12). */
  readonly unowned: Effect.Effect<number, LogUnavailable>
  /** Jobs ahead of this one in its lane (0 = next); `undefined` when it is not waiting. */
  readonly position: (jobId: string) => Effect.Effect<number | undefined, LogUnavailable>
  /** Whether WORK holds a message of the job made from that `queued` event. */
  readonly holds: (jobId: string, originSequence: number) => Effect.Effect<boolean, LogUnavailable>
  /** Removes every WORK message of a job that ended, or those in the pool that it was moved from. */
  readonly purgeJob: (jobId: string, inPool?: string) => Effect.Effect<void, LogUnavailable>
}>()("darkroom/platform/nats/Lanes") {
  static readonly layer = Layer.effect(
    Lanes,
    Effect.gen(function*() {
      const connection = yield* Connection
      const { jsm, nc } = connection
      const { poll, woken } = yield* makePoll(connection)
      const { listen, wakes } = yield* makeWakes(nc, woken)

      return Lanes.of({
        ensure: Effect.fn("Lanes.ensure")((pool: string, models: ReadonlyArray<string>) => ensureLanes(jsm, pool, models)),
        remove: Effect.fn("Lanes.remove")(function*(pool: string, models?: ReadonlyArray<string>) {
          const names = yield* consumerNames(nc)
          yield* removeLanes(jsm, names.filter((name) => isLaneOf(name, pool, models)))
        }),
        removeDropped: Effect.fn("Lanes.removeDropped")((pool: string, models: ReadonlyArray<string>) =>
          removeDropped(connection, pool, models)),
        existing: Effect.map(consumerNames(nc), completeLanes),
        poll: Effect.fn("Lanes.poll")((polled: PollRequest) => Effect.andThen(listen(polled.pool), poll(polled))),
        wakes,
        depth: Effect.fn("Lanes.depth")((pool: string) =>
          readDepth(connection, pool).pipe(
            Effect.catch((error) => Effect.succeed(unreadable(`cannot ${error.operation}: ${causeText(error.cause)}`)))
          )
        ),
        unowned: readUnowned(connection),
        position: Effect.fn("Lanes.position")((jobId: string) => readPosition(nc, jsm, jobId)),
        holds: Effect.fn("Lanes.holds")((jobId: string, origin: number) => readHolds(jsm, jobId, origin)),
        purgeJob: Effect.fn("Lanes.purgeJob")((jobId: string, inPool?: string) => purgeMessagesOfJob(jsm, jobId, inPool))
      })
    })
  )
}

/** Nothing is on its way into WORK, and what it says can be relied on. */
const isSettled = (work: StreamInfo) => {
  const sources = sourcesOf(work)
  return sourceProblem(sources) === undefined && lagOf(sources) === 0 && !isFull(work)
}

const removeDropped = Effect.fnUntraced(function*({ jsm, nc }: Connection["Service"], pool: string, models: ReadonlyArray<string>) {
  const dropped = (yield* consumerNames(nc)).filter((name) => isLaneOf(name, pool) && !models.includes(parseLaneConsumer(name)!.model))
  if (dropped.length === 0) return true
  if (!isSettled(yield* readWork(jsm))) return false
  const lanes = yield* readLanes(jsm, dropped)
  // And again after them: with its leader just lost, consumers answer zero.
  if (!isSettled(yield* readWork(jsm))) return false
  const inUse = new Set(lanes.filter((lane) => lane.num_pending + lane.num_ack_pending > 0).map(({ name }) => parseLaneConsumer(name)!.model))
  const empty = dropped.filter((name) => !inUse.has(parseLaneConsumer(name)!.model))
  yield* removeLanes(jsm, empty)
  return inUse.size === 0
})

const causeText = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

const readDepth = Effect.fnUntraced(function*({ jsm, nc }: Connection["Service"], pool: string) {
  const names = (yield* consumerNames(nc)).filter((name) => isLaneOf(name, pool))
  if (names.length === 0) return lanesMissing(`the pool ${pool} has no lanes`)
  const complete = completeLanes(names).get(pool) ?? []
  const torn = names.map((name) => parseLaneConsumer(name)!.model).find((model) => !complete.includes(model))
  if (torn !== undefined) return lanesMissing(`the pool ${pool} has not all lanes of the model ${torn}`)
  // WORK before its consumers: what arrives between the reads is counted twice rather than not at all.
  let work = yield* readWork(jsm)
  if (lagOf(sourcesOf(work)) > 0) {
    yield* Effect.sleep(lagSettlesMs)
    work = yield* readWork(jsm)
  }
  const lag = lagOf(sourcesOf(work))
  const onTheWay = lag > 0 || isFull(work) ? yield* readOnTheWay(nc, pool, lag) : 0
  const lanes = yield* readLanes(jsm, names)
  // And again after them: with its leader just lost, consumers answer zero.
  const problem = sourceProblem(sourcesOf(work)) ?? sourceProblem(sourcesOf(yield* readWork(jsm)))
  return problem === undefined ? depthOf(onTheWay, lanes) : unreadable(problem)
})

const readUnowned = Effect.fn("Lanes.unowned")(function*({ jsm, nc }: Connection["Service"]) {
  let least = Number.POSITIVE_INFINITY
  for (let read = 0; read < unownedReads && least > 0; read++) {
    const { state } = yield* readWork(jsm)
    const lanes = yield* readLanes(jsm, (yield* consumerNames(nc)).filter((name) => parseLaneConsumer(name) !== undefined))
    least = Math.min(least, unownedOf(state.messages, lanes))
  }
  return least
})
