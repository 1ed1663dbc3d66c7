import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream"
import { Effect } from "effect"
import { LogUnavailable } from "./errors.ts"

/** What a failed JetStream request means. Everything that is not an answer of the broker is ambiguous. */
export type Failure = "conflict" | "full" | "rejected" | "ambiguous"

/** 10071 with one server, 10164 when another write to the same subjects is in flight in a cluster. */
const conflictCodes = new Set([10071, 10164])

/** 10077: the stream's own limit; the others: the limits of the account or of the server's store. */
const fullCodes = new Set([10077, 10002, 10023, 10028, 10047])

/** Busy or between leaders: the broker says so, nothing was written, and a later try may succeed. */
const busyCodes = new Set([10008, 10009, 10158, 10167])

export const failureOf = (error: unknown): Failure => {
  if (!(error instanceof JetStreamApiError)) return "ambiguous"
  if (conflictCodes.has(error.code)) return "conflict"
  if (fullCodes.has(error.code)) return "full"
  return busyCodes.has(error.code) || error.status === 503 ? "ambiguous" : "rejected"
}

export const isStreamNotFound = (error: unknown): boolean => 
  error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound

/** The one edge between promises of the NATS client and effects that may find the log away. */
export const request = <A>(operation: string, promise: () => Promise<A>): Effect.Effect<A, LogUnavailable> =>
  Effect.tryPromise({ try: promise, catch: (cause) => new LogUnavailable({ operation, cause }) })
