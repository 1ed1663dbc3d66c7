import { DeliverPolicy, JetStreamApiError, type StreamInfo } from "@nats-io/jetstream"
import { Effect, Layer, Schedule } from "effect"
import { eventsStream, eventsSubjects, workStream } from "../../contract/subjects.ts"
import { compareStream } from "./compareStreams.ts"
import { Connection } from "./Connection.ts"
import { type LogUnavailable, MisconfiguredLog } from "./errors.ts"
import { ageProblems, logSettings, type LogSettings } from "./LogSettings.ts"
import { failureOf, isStreamNotFound, request } from "./natsErrors.ts"
import { checkServer, syncWarnings } from "./serverChecks.ts"
import { UnfinishedJobs } from "./UnfinishedJobs.ts"
import { blobsStream, type DesiredStream, desiredStreams, workConfig } from "./streams.ts"

const nanosPerMs = 1_000_000
const nameInUse = 10058
const readAheadMessages = 4_096
/** A cluster that starts with its programs needs some seconds to elect a leader. */
const startTriesMax = 30
const startPauseMs = 500
const storageExceeded = new Set([10002, 10023, 10028, 10047])

/** The stream as it is, or undefined. */
const existing = (name: string) =>
  Effect.gen(function*() {
    const { jsm } = yield* Connection
    return yield* request(`read ${name}`, () =>
      jsm.streams.info(name).catch((error: unknown) => {
        if (isStreamNotFound(error)) return undefined
        throw error
      }))
  })

const noRoom = (desired: DesiredStream) =>
  `${desired.name}: the server has no room for ${desired.max_bytes} bytes: raise jetstream.max_file_store, or lower DARKROOM_EVENTS_MAX_BYTES, DARKROOM_WORK_MAX_BYTES or DARKROOM_BLOBS_MAX_BYTES`

const refused = (problem: string): Effect.Effect<never, MisconfiguredLog | LogUnavailable> =>
  Effect.fail(new MisconfiguredLog({ problems: [problem] }))

/** Creates a stream; one that another program has just created, even with other settings, is taken as it is. */
const create = (desired: DesiredStream) =>
  Effect.gen(function*() {
    const { jsm } = yield* Connection
    return yield* request(`create ${desired.name}`, () => jsm.streams.add(desired)).pipe(
      Effect.catch((error) => {
        const code = error.cause instanceof JetStreamApiError ? error.cause.code : 0
        if (code === nameInUse) return request(`read ${desired.name}`, () => jsm.streams.info(desired.name))
        if (storageExceeded.has(code)) return refused(noRoom(desired))
        return failureOf(error.cause) === "rejected"
          ? refused(`${desired.name}: the server refuses to make it: ${String(error.cause)}`)
          : Effect.fail<MisconfiguredLog | LogUnavailable>(error)
      })
    )
  })

const ensureStream = (desired: DesiredStream, settings: LogSettings) =>
  Effect.gen(function*() {
    const found = yield* existing(desired.name)
    if (found !== undefined) return found
    if (desired.name !== workStream) return yield* create(desired)
    return yield* createWork(settings)
  })

/** All events up to `lastSequence` without their bodies; gives the sequence from which WORK must be made. */
const oldestWaiting = (lastSequence: number) =>
  Effect.gen(function*() {
    const { js } = yield* Connection
    return yield* request("read the events for WORK", async () => {
      const unfinished = new UnfinishedJobs()
      const consumer = await js.consumers.get(eventsStream, {
        deliver_policy: DeliverPolicy.All,
        headers_only: true,
        filter_subjects: eventsSubjects
      })
      if ((await consumer.info(true)).num_pending === 0) return unfinished.oldest(lastSequence)
      for await (const msg of await consumer.consume({ max_messages: readAheadMessages })) {
        unfinished.take(msg.seq, msg.subject)
        if (msg.info.pending === 0 || msg.seq >= lastSequence) break
      }
      return unfinished.oldest(lastSequence)
    })
  })

/** Where EVENTS already has a history, a plain WORK would queue all of it again (job-log rule 18). */
const createWork = (settings: LogSettings) =>
  Effect.gen(function*() {
    const events = yield* existing(eventsStream)
    const last = events?.state.last_seq ?? 0
    if (last === 0) return yield* create(workConfig(settings))
    const from = yield* oldestWaiting(last)
    yield* Effect.logInfo(`WORK starts at event ${from} of ${last}`)
    return yield* create(workConfig(settings, from))
  })

/**
 * Makes WORK anew from EVENTS, as after a restore (back up EVENTS and images only). An existing WORK is deleted with its
 * consumers, so no agent may run; the lanes are made again by whoever ensures them.
 */
export const restoreWork = Effect.fn("restoreWork")(function*(settings: LogSettings) {
  const { jsm } = yield* Connection
  if ((yield* existing(workStream)) !== undefined) yield* request("delete WORK", () => jsm.streams.delete(workStream))
  const info = yield* createWork(settings)
  return info.config.sources?.[0]?.opt_start_seq ?? 1
})

/** Rule 7 against the ages that the streams really have. 0 means for ever. */
const actualAges = (settings: LogSettings, streams: ReadonlyArray<StreamInfo>): LogSettings => {
  const age = (name: string, otherwise: number) => {
    const found = streams.find((stream) => stream.config.name === name)
    if (found === undefined) return otherwise
    return found.config.max_age === 0 ? Number.POSITIVE_INFINITY : found.config.max_age / nanosPerMs
  }
  return {
    ...settings,
    eventsMaxAgeMs: age(eventsStream, settings.eventsMaxAgeMs),
    blobMaxAgeMs: age(blobsStream, settings.blobMaxAgeMs)
  }
}

const replicaWarnings = (clustered: boolean, streams: ReadonlyArray<StreamInfo>): ReadonlyArray<string> =>
  clustered
    ? streams.filter((stream) => stream.config.num_replicas < 3).map((stream) =>
      `${stream.config.name}: ${stream.config.num_replicas} of 3 replicas: the loss of one server can lose or stop it (DARKROOM_REPLICAS)`
    )
    : []

const judge = (settings: LogSettings, streams: ReadonlyArray<StreamInfo>) =>
  Effect.gen(function*() {
    const { nc } = yield* Connection
    const differences = desiredStreams(settings).flatMap((desired) => {
      const found = streams.find((stream) => stream.config.name === desired.name)
      return found === undefined ? [] : [compareStream(found.config, desired)]
    })
    const fatal = [...differences.flatMap((found) => found.fatal), ...ageProblems(actualAges(settings, streams))]
    if (fatal.length > 0) return yield* new MisconfiguredLog({ problems: fatal })
    return [
      ...differences.flatMap((found) => found.warnings),
      ...replicaWarnings(nc.info?.cluster !== undefined, streams),
      ...(yield* syncWarnings(settings.monitorUrls))
    ]
  })

/** Creates what is missing and checks all of it. Gives the warnings. Several programs may do this at the same moment. */
export const ensureLog = Effect.fn("ensureLog")(function*(settings: LogSettings) {
  const ages = ageProblems(settings)
  if (ages.length > 0) return yield* new MisconfiguredLog({ problems: ages })
  yield* checkServer
  const streams: Array<StreamInfo> = []
  for (const desired of desiredStreams(settings)) streams.push(yield* ensureStream(desired, settings))
  return yield* judge(settings, streams)
})

/** The same check without creating anything. */
export const inspectLog = Effect.fn("inspectLog")(function*(settings: LogSettings) {
  yield* checkServer
  const found = yield* Effect.forEach(desiredStreams(settings), (desired) => existing(desired.name))
  return yield* judge(settings, found.filter((stream) => stream !== undefined))
})

/** Put below every layer that uses the log: the streams exist, and weaknesses were logged once. Waits for a broker without a leader. */
export const logReady = Layer.effectDiscard(
  Effect.gen(function*() {
    const warnings = yield* ensureLog(yield* logSettings).pipe(
      Effect.retry({ while: (error) => error._tag === "LogUnavailable", times: startTriesMax - 1, schedule: Schedule.spaced(startPauseMs) })
    )
    for (const warning of warnings) yield* Effect.logWarning(warning)
  })
)
