import { JetStreamApiError, type JetStreamManager, type StoredMsg, type StreamInfo } from "@nats-io/jetstream"
import type { Msg, NatsConnection } from "@nats-io/transport-node"
import { Effect } from "effect"
import {
  eventsStream,
  laneConsumer,
  laneSubjects,
  parseWorkSubject,
  queuedSubjectsOfPool,
  workStream,
  workSubjectsOfJob
} from "../../contract/subjects.ts"
import { originSequence } from "./ackSubject.ts"
import type { LogUnavailable } from "./errors.ts"
import type { Head } from "./laneMemory.ts"
import { request } from "./natsErrors.ts"

/** Reads of WORK that take nothing out of it. */

const directTimeoutMs = 5_000
/** A job has one message a `queued` event that is still there: a handful at most. */
const messagesOfJobMax = 100

const noMessageFound = 10037

interface Found {
  readonly subject: string
  readonly sequence: number
  readonly storedAtMs: number
  readonly origin: number
  /** Messages behind this one under the asked subject. */
  readonly behind: number
}

const found = (message: Msg): Found | undefined => {
  const code = message.headers?.code ?? 0
  if (code === 404 || code === 204) return undefined
  if (code >= 400) throw new Error(`${code} ${message.headers?.description}`)
  const header = (name: string) => message.headers?.get(name) ?? ""
  return {
    subject: header("Nats-Subject"),
    sequence: Number(header("Nats-Sequence")),
    storedAtMs: Date.parse(header("Nats-Time-Stamp")),
    origin: originSequence(header("Nats-Stream-Source")),
    behind: Number(header("Nats-Num-Pending") || 0)
  }
}

/** One message by direct get, straight from the stream's leader or a replica. */
const direct = (nc: NatsConnection, query: object) =>
  request("read a message of WORK", async () =>
    found(await nc.request(`$JS.API.DIRECT.GET.${workStream}`, JSON.stringify(query), { timeout: directTimeoutMs })))

/** The oldest message of a lane that was not delivered yet. Messages that agents hold are not heads. */
export const readHead = Effect.fnUntraced(function*(
  nc: NatsConnection,
  jsm: JetStreamManager,
  lane: { readonly pool: string; readonly model: string; readonly lane: string }
) {
  const name = laneConsumer(lane.pool, lane.model, lane.lane)
  const consumer = yield* request(`read the consumer ${name}`, () => jsm.consumers.info(workStream, name))
  const head: Head = consumer.num_ack_pending > 0 ? { _tag: "Redelivery" } : { _tag: "Empty" }
  if (consumer.num_pending === 0) return head
  const message = yield* direct(nc, {
    seq: consumer.delivered.stream_seq + 1,
    next_by_subj: laneSubjects(lane.pool, lane.model, lane.lane)
  })
  return message === undefined ? head : { _tag: "Waiting" as const, ...message }
})

/** Jobs ahead of this one in its lane; `undefined` when no undelivered message of it waits. */
export const readPosition = Effect.fnUntraced(function*(nc: NatsConnection, jsm: JetStreamManager, jobId: string) {
  const mine = yield* direct(nc, { last_by_subj: workSubjectsOfJob(jobId) })
  const route = mine && parseWorkSubject(mine.subject)
  if (mine === undefined || route === undefined) return undefined
  const name = laneConsumer(route.pool, route.model, route.lane)
  const subjects = laneSubjects(route.pool, route.model, route.lane)
  const [consumer, next] = yield* Effect.all(
    [
      request(`read the consumer ${name}`, () => jsm.consumers.info(workStream, name)),
      readBehind(nc, mine.sequence, subjects)
    ],
    { concurrency: 2 }
  )
  if (next === undefined || consumer.delivered.stream_seq >= mine.sequence) return undefined
  return Math.max(0, consumer.num_pending - next - 1)
})

/** Messages under these subjects after the next one at or behind this sequence; `undefined` when there is no next one. */
const readBehind = (nc: NatsConnection, sequence: number, subjects: string, stream = workStream) =>
  request(`read a position in ${stream}`, async () => {
    const replies = await nc.requestMany(
      `$JS.API.DIRECT.GET.${stream}`,
      JSON.stringify({ seq: sequence, next_by_subj: subjects, batch: 1 }),
      { strategy: "sentinel", maxWait: directTimeoutMs }
    )
    let behind: number | undefined
    for await (const reply of replies) behind ??= found(reply)?.behind
    return behind
  })

/**
 * `queued` events of a pool that WORK has not copied yet. Only asked when WORK lags or is full: then nothing is taken
 * from its end, so its last message tells how far it has come.
 */
export const readOnTheWay = Effect.fnUntraced(function*(nc: NatsConnection, pool: string, lag: number) {
  const last = yield* direct(nc, { last_by_subj: "work.>" })
  if (last === undefined) return lag
  const behind = yield* readBehind(nc, last.origin + 1, queuedSubjectsOfPool(pool), eventsStream)
  return behind === undefined ? 0 : behind + 1
})

const readStored = (jsm: JetStreamManager, query: object): Promise<StoredMsg | null> =>
  jsm.streams.getMessage(workStream, query as never).catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === noMessageFound) return null
    throw error
  })

/** The messages of a job, oldest first; read at the leader. */
async function* messagesOfJob(jsm: JetStreamManager, jobId: string) {
  let after = 0
  for (let read = 0; read < messagesOfJobMax; read++) {
    const message = await readStored(jsm, { seq: after + 1, next_by_subj: workSubjectsOfJob(jobId) })
    if (message === null) return
    yield { subject: message.subject, origin: originSequence(message.header?.get("Nats-Stream-Source") ?? "") }
    after = message.seq
  }
}

/** Whether WORK holds a message of the job made from this `queued` event. */
export const readHolds = (jsm: JetStreamManager, jobId: string, origin: number) =>
  request(`look for the job ${jobId} in WORK`, async () => {
    for await (const message of messagesOfJob(jsm, jobId)) if (message.origin === origin) return true
    return false
  })

/**
 * Removes a job's messages, subject by subject: a purge whose filter overlaps a consumer's without lying inside it
 * leaves that consumer's pending count too high for ever, and with it the pool's depth.
 */
export const purgeMessagesOfJob = (jsm: JetStreamManager, jobId: string, pool?: string) =>
  request(`remove the work messages of ${jobId}`, async () => {
    const subjects = new Set<string>()
    for await (const { subject } of messagesOfJob(jsm, jobId)) {
      if (pool === undefined || parseWorkSubject(subject)?.pool === pool) subjects.add(subject)
    }
    for (const filter of subjects) await jsm.streams.purge(workStream, { filter })
  })

export const readWork = (jsm: JetStreamManager): Effect.Effect<StreamInfo, LogUnavailable> =>
  request("read the stream WORK", () => jsm.streams.info(workStream))
