import { Cause, Effect, Option } from "effect"
import type { Context, Handler } from "hono"
import type { ApiKeyRecord } from "../contract/ApiKey.ts"
import type { ApiKeys } from "../platform/nats/ApiKeys.ts"
import type { Blobs, BlobsFull, BlobsUnavailable } from "../platform/blobs/Blobs.ts"
import type { Capacity } from "../platform/nats/Capacity.ts"
import type { LogFull, LogUnavailable } from "../platform/nats/errors.ts"
import type { JobLog } from "../platform/nats/JobLog.ts"
import type { Lanes } from "../platform/nats/Lanes.ts"
import type { Presence } from "../platform/nats/Presence.ts"
import type { Signals } from "../platform/nats/Signals.ts"
import { parseTraceparent } from "../platform/telemetry/traceparent.ts"
import type { Admission } from "./admission/Admission.ts"
import type { GatewayConfig } from "./config.ts"
import type { Metrics } from "./metrics/Metrics.ts"
import type { PoolRegistry } from "./pools/PoolRegistry.ts"
import { ApiProblem, problem, problemResponse, retryAfter, unavailable } from "./problem.ts"
import type { Projection } from "./projection/Projection.ts"
import type { Shutdown } from "./Shutdown.ts"
import type { FeedHub } from "./waiting/FeedHub.ts"
import type { Readiness } from "./Readiness.ts"
import type { ProgressHub } from "./waiting/ProgressHub.ts"
import type { Waiters } from "./waiting/Waiters.ts"

/** What a handler may use. */
export type Services =
  | Admission | ApiKeys | Blobs | Capacity | FeedHub | GatewayConfig | JobLog | Lanes | Metrics | PoolRegistry
  | Presence | ProgressHub | Projection | Readiness | Shutdown | Signals | Waiters

export interface Variables {
  requestId: string
  /** Pattern of the matched route, for metrics and spans. */
  route: string
  /** Who asks: the API key, or a stand-in on the listener that needs none. */
  key: ApiKeyRecord
}

export interface Env {
  Variables: Variables
}

/** Runs an effect with the gateway's services. */
export type Run = <A, E>(effect: Effect.Effect<A, E, Services>, options?: { readonly signal?: AbortSignal }) => Promise<A>

export type HandlerError = ApiProblem | LogUnavailable | LogFull | BlobsUnavailable | BlobsFull

const toProblem = (error: HandlerError): ApiProblem => {
  switch (error._tag) {
    case "ApiProblem":
      return error
    case "LogFull":
    case "BlobsFull":
      return problem("no-room", "The job log has no room left; nothing was recorded. Try again later.", { headers: retryAfter(30) })
    case "LogUnavailable":
    case "BlobsUnavailable":
      return unavailable()
  }
}

/** nginx's status for the log: the client went away before the answer. */
const clientClosedRequest = 499

/** A bug: 500, with its cause in the log only. */
export const bugResponse = (what: string, requestId: string, cause: unknown): Effect.Effect<Response> =>
  Effect.logError(`${what} failed (request ${requestId})`, cause).pipe(
    Effect.as(problemResponse(
      problem("internal-error", `Something went wrong in the gateway; the log has it as request ${requestId}.`),
      requestId
    ))
  )

/**
 * An Effect as a Hono handler: a span of the request (child of a W3C `traceparent`), every error as a problem, a bug as
 * 500 with its cause in the log only. A client that goes away interrupts it, but not what is marked uninterruptible.
 */
export const handler = (
  run: Run,
  effect: (c: Context<Env>) => Effect.Effect<Response, HandlerError, Services>
): Handler<Env> =>
(c) => {
  const requestId = c.get("requestId")
  const route = c.get("route")
  const parent = parseTraceparent(c.req.header("traceparent"))
  const answered = effect(c).pipe(
    Effect.mapError(toProblem),
    Effect.catch((error) => Effect.succeed(problemResponse(error, requestId))),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.failCause(cause)
        : bugResponse(`${c.req.method} ${route}`, requestId, cause)
    ),
    Effect.tap((response) => Effect.annotateCurrentSpan("http.response.status_code", response.status)),
    Effect.withSpan(`${c.req.method} ${route}`, {
      kind: "server",
      attributes: { "http.request.method": c.req.method, "http.route": route, "http.request.id": requestId },
      ...(Option.isSome(parent) ? { parent: parent.value } : {})
    })
  )
  const { signal } = c.req.raw
  // Nobody reads the answer any more; it is no bug that the work was interrupted.
  return run(answered, { signal }).catch((error: unknown) => {
    if (signal.aborted) return new Response(null, { status: clientClosedRequest })
    throw error
  })
}
