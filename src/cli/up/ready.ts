import { Effect, Schedule, Schema } from "effect"
import { QueueResponse } from "../../contract/EditApi.ts"
import { CannotStart } from "./settings.ts"

const readyTimeoutMs = 90_000
const readyPollMs = 50
const requestTimeoutMs = 2_000

class NotYet extends Schema.TaggedError<NotYet>()("NotYet", { why: Schema.String }) {}

const get = (url: string, key: string) =>
  Effect.tryPromise({
    try: async () => {
      const response = await fetch(url, { headers: { "x-api-key": key }, signal: AbortSignal.timeout(requestTimeoutMs) })
      return { ok: response.ok, body: await response.text() }
    },
    catch: (cause) => new NotYet({ why: cause instanceof Error ? cause.message : String(cause) })
  }).pipe(Effect.flatMap(({ body, ok }) => (ok ? Effect.succeed(body) : Effect.fail(new NotYet({ why: body.slice(0, 500) })))))

/** A pool that no fleet tells about, or whose agents all failed, is UNHEALTHY. */
const poolReported = (body: string) =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(QueueResponse))(body).pipe(
    Effect.mapError((error) => new NotYet({ why: error.message })),
    Effect.flatMap(({ gpu }) => (gpu.status === "UNHEALTHY" ? Effect.fail(new NotYet({ why: "the pool is UNHEALTHY" })) : Effect.void))
  )

/** Until the gateway is ready and knows of the pool; fails with the last reason after 90 s. */
export const awaitServing = (api: string, key: string): Effect.Effect<void, CannotStart> => {
  let last = "nothing was tried"
  return get(`${api}/readyz`, key).pipe(
    Effect.andThen(get(`${api}/api/queue`, key)),
    Effect.flatMap(poolReported),
    Effect.tapError(({ why }) => Effect.sync(() => (last = why))),
    Effect.retry(Schedule.spaced(readyPollMs)),
    Effect.timeoutOrElse({
      duration: readyTimeoutMs,
      orElse: () => Effect.fail(new CannotStart({ reason: `nothing was served within ${readyTimeoutMs / 1000} s: ${last}` }))
    }),
    Effect.mapError((error) => (error._tag === "CannotStart" ? error : new CannotStart({ reason: error.why })))
  )
}
