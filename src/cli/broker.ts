import { ConfigProvider, Effect, Layer } from "effect"
import { Connection } from "../platform/nats/Connection.ts"
import { placeOf } from "./place.ts"
import { brokerEnv, readRunning } from "./running.ts"

/** A connection to the broker of `NATS_URL`, else of the system that `darkroom up` runs with this data folder, and its settings. */
export const brokerOf = (data: string | undefined) =>
  Layer.unwrap(
    Effect.gen(function*() {
      const running = yield* readRunning(placeOf(data))
      const connection = Connection.layer("cli")
      if (running === undefined || process.env["NATS_URL"] !== undefined) return connection
      return Layer.provideMerge(connection, ConfigProvider.layerAdd(ConfigProvider.fromUnknown(brokerEnv(running)), { asPrimary: true }))
    })
  )
