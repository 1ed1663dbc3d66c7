import { Effect, Schema } from "effect"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { isAlive } from "../platform/processes/LockFile.ts"
import type { Place } from "./place.ts"

/** What `darkroom up` leaves for other commands while it runs; it holds the broker's password. */
export const Running = Schema.Struct({
  pid: Schema.Int,
  api: Schema.String,
  models: Schema.String,
  nats_url: Schema.String,
  nats_monitor_url: Schema.String,
  nats_user: Schema.String,
  nats_password: Schema.String,
  pool_file: Schema.String
})
export type Running = typeof Running.Type

/** The system that runs with this data folder, if one does. */
export const readRunning = (place: Place): Effect.Effect<Running | undefined> =>
  Effect.sync(() => {
    try {
      const running = Schema.decodeUnknownSync(Schema.fromJsonString(Running))(readFileSync(place.running, "utf8"))
      return isAlive(running.pid) ? running : undefined
    } catch {
      return undefined
    }
  })

/** Written until the scope closes. */
export const announceRunning = (place: Place, running: Running) =>
  Effect.acquireRelease(
    Effect.sync(() => writeFileSync(place.running, `${JSON.stringify(running, null, 2)}\n`, { mode: 0o600 })),
    () => Effect.sync(() => rmSync(place.running, { force: true }))
  )

/** The environment with which a program of ours reaches that system's broker. */
export const brokerEnv = (running: Running): Record<string, string> => ({
  NATS_URL: running.nats_url,
  NATS_MONITOR_URL: running.nats_monitor_url,
  NATS_USER: running.nats_user,
  NATS_PASSWORD: running.nats_password
})
