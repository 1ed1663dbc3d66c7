import type { NatsConnection } from "@nats-io/transport-node"

/** The connection was lost: the request was not sent, or its answer will never come. */
class Disconnected extends Error {
  constructor() {
    super("the connection to the NATS server is lost; it is being made again")
    this.name = "Disconnected"
  }
}

/**
 * Makes requests fail at once while the connection is away, those in flight too: the client alone would let each run
 * into its time-out, because an answer to the old connection is never delivered to the new one.
 */
export const failFast = (nc: NatsConnection): void => {
  const inFlight = new Set<(error: Error) => void>()
  let isAway = false
  const watch = async () => {
    for await (const status of nc.status()) {
      if (status.type === "reconnect") isAway = false
      if (status.type !== "disconnect") continue
      isAway = true
      for (const reject of inFlight) reject(new Disconnected())
    }
  }
  void watch()

  const request = nc.request.bind(nc)
  nc.request = (subject, payload, options) => {
    if (isAway) return Promise.reject(new Disconnected())
    return new Promise((resolve, reject) => {
      inFlight.add(reject)
      request(subject, payload, options).then(resolve, reject).finally(() => inFlight.delete(reject))
    })
  }
}
