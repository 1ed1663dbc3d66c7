/** What the broker writes into the reply subject of a delivered message. */
export interface Delivery {
  readonly consumer: string
  /** 1 = first delivery by this consumer; a re-created consumer starts at 1 again. */
  readonly deliveryCount: number
  readonly streamSequence: number
  /** When the stream stored the message, in milliseconds since 1970. */
  readonly storedAtMs: number
  /** Messages of the consumer that were not delivered yet when this one was. */
  readonly pending: number
}

/**
 * Two forms are in use:
 * `$JS.ACK.<stream>.<consumer>.<count>.<stream seq>.<consumer seq>.<time>.<pending>` and, with a domain and an account
 * in front, `$JS.ACK.<domain>.<account>.<stream>.<consumer>.….<pending>[.<random>]`. Others are `undefined`.
 */
export const parseAckSubject = (subject: string): Delivery | undefined => {
  const tokens = subject.split(".")
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined
  const rest = tokens.length === 9 ? tokens.slice(3) : tokens.length >= 11 ? tokens.slice(5) : undefined
  if (rest === undefined) return undefined
  const [consumer, count, streamSequence, , nanoseconds, pending] = rest as [string, string, string, string, string, string]
  const delivery = {
    consumer,
    deliveryCount: Number(count),
    streamSequence: Number(streamSequence),
    storedAtMs: Math.floor(Number(nanoseconds) / 1_000_000),
    pending: Number(pending)
  }
  return [delivery.deliveryCount, delivery.streamSequence, delivery.storedAtMs, delivery.pending].every(Number.isFinite)
    ? delivery
    : undefined
}

/** Sequence in the source stream: the second word of `Nats-Stream-Source`. 0 when the header is not of that shape. */
export const originSequence = (header: string): number => {
  const sequence = Number(header.split(" ")[1])
  return Number.isSafeInteger(sequence) && sequence > 0 ? sequence : 0
}
