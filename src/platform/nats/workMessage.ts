import type { Msg } from "@nats-io/transport-node"
import { Effect } from "effect"
import { parseWorkSubject } from "../../contract/subjects.ts"
import { type Delivery, originSequence } from "./ackSubject.ts"
import type { Connection } from "./Connection.ts"
import type { LogUnavailable } from "./errors.ts"
import { request } from "./natsErrors.ts"

/** Time for the broker to confirm an ack, nak or working. */
const ackTimeoutMs = 5_000
const nanosPerMs = 1_000_000

/** A WORK message: a hint that a job waits, never a right to run it (job-log rule 1). */
export interface WorkMessage {
  readonly job_id: string
  readonly pool: string
  readonly model: string
  readonly lane: string
  /** Sequence in EVENTS of the `queued` event this message was made from. */
  readonly originSequence: number
  readonly deliveryCount: number
  /** After losing a compare-and-swap none of these may be called (rule 3). */
  readonly ack: Effect.Effect<void, LogUnavailable>
  readonly nak: (delayMs: number) => Effect.Effect<void, LogUnavailable>
  readonly working: Effect.Effect<void, LogUnavailable>
}

/** Every one is a request: the broker says that it took it, and nobody answers for a consumer that is gone. */
const confirm = (nc: Connection["Service"]["nc"], what: string, ackSubject: string, payload: string) =>
  Effect.asVoid(request(what, () => nc.request(ackSubject, payload, { timeout: ackTimeoutMs })))

export const toWorkMessage = (
  nc: Connection["Service"]["nc"],
  message: Msg,
  delivery: Delivery
): WorkMessage | undefined => {
  const route = parseWorkSubject(message.subject)
  const reply = message.reply
  if (route === undefined || reply === undefined) return undefined
  return {
    job_id: route.job,
    pool: route.pool,
    model: route.model,
    lane: route.lane,
    originSequence: originSequence(message.headers?.get("Nats-Stream-Source") ?? ""),
    deliveryCount: delivery.deliveryCount,
    ack: confirm(nc, `ack the work message of ${route.job}`, reply, "+ACK"),
    nak: (delayMs) =>
      confirm(
        nc,
        `give back the work message of ${route.job}`,
        reply,
        delayMs > 0 ? `-NAK ${JSON.stringify({ delay: Math.round(delayMs) * nanosPerMs })}` : "-NAK"
      ),
    working: confirm(nc, `keep the work message of ${route.job}`, reply, "+WPI")
  }
}
