import { type Config, Context, Effect, Layer } from "effect"
import { eventsStream, hooksStream, workStream } from "../../contract/subjects.ts"
import { Connection } from "./Connection.ts"
import type { LogUnavailable } from "./errors.ts"
import { logSettings } from "./LogSettings.ts"
import { isStreamNotFound, request } from "./natsErrors.ts"
import { inspectLog } from "./provision.ts"
import { blobsStream, keysStream } from "./streams.ts"

/** The rest is for the transitions of jobs that were already accepted. */
export const fullAtShare = 0.85
const cacheMs = 1_000
const warningsCacheMs = 30_000

/** Room kept to finish: new jobs are refused while any stream or bucket is 85 % full (job-log rule 6). */
export class Capacity extends Context.Service<Capacity, {
  /** Cached for a second. `full` names the first stream or bucket above the mark. */
  readonly check: Effect.Effect<{ readonly full: string | undefined }, LogUnavailable>
  /** Warnings about durability and limits, as `/readyz` shows them. */
  readonly warnings: Effect.Effect<ReadonlyArray<string>, LogUnavailable>
}>()("darkroom/platform/nats/Capacity") {
  static readonly layer: Layer.Layer<Capacity, Config.ConfigError, Connection> = Layer.effect(Capacity, Effect.suspend(() => make))
}

const limitedStreams = [eventsStream, workStream, blobsStream, keysStream, hooksStream]

/** Full by bytes or, where somebody set it, by messages. A limit of -1 is none. */
export const isFull = (used: number, limit: number): boolean => limit > 0 && used >= limit * fullAtShare

const make = Effect.gen(function*() {
  const connection = yield* Connection
  const settings = yield* logSettings

  const read = (name: string) =>
    request(`read ${name}`, () =>
      connection.jsm.streams.info(name).catch((error: unknown) => {
        if (isStreamNotFound(error)) return undefined
        throw error
      }))

  const look = Effect.gen(function*() {
    const streams = yield* Effect.forEach(limitedStreams, read, { concurrency: "unbounded" })
    const full = streams.find((info) =>
      info !== undefined && (isFull(info.state.bytes, info.config.max_bytes) || isFull(info.state.messages, info.config.max_msgs))
    )
    return { full: full?.config.name }
  })

  const warnings = inspectLog(settings).pipe(
    Effect.catchTag("MisconfiguredLog", (error) => Effect.succeed(error.problems)),
    Effect.provideService(Connection, connection)
  )

  return Capacity.of({
    check: yield* Effect.cachedWithTTL(look, cacheMs),
    warnings: yield* Effect.cachedWithTTL(warnings, warningsCacheMs)
  })
})
