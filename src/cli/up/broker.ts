import { Effect, Schedule } from "effect"
import { execFile } from "node:child_process"
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { promisify } from "node:util"
import { type Child, startChild } from "../../platform/processes/Child.ts"
import type { Place } from "../place.ts"
import { type BrokerSettings, brokerConfig } from "./brokerConfig.ts"
import { guarded } from "./guard.ts"
import type { ProgramLog } from "./logs.ts"
import { supervise } from "./supervise.ts"

/** The nats-server of `darkroom up`. */

const readyTimeoutMs = 30_000
const readyPollMs = 20
/** Streams are written to the disk as they come, so stopping takes no longer than closing them. */
const stopGraceMs = 8_000

const isReady = (settings: BrokerSettings) =>
  Effect.tryPromise(async () => {
    const response = await fetch(`http://127.0.0.1:${settings.monitorPort}/healthz`, { signal: AbortSignal.timeout(1_000) })
    await response.text()
    if (!response.ok) throw new Error(`status ${response.status}`)
  })

const lastLines = (log: string): string => {
  try {
    return readFileSync(log, "utf8").trimEnd().split("\n").slice(-8).join("\n")
  } catch {
    return ""
  }
}

const awaitReady = (settings: BrokerSettings, log: string) => (child: Child) => {
  const polled = isReady(settings).pipe(
    Effect.retry({ schedule: Schedule.spaced(readyPollMs), while: () => !child.hasExited() }),
    Effect.timeout(readyTimeoutMs)
  )
  return Effect.raceFirst(Effect.andThen(child.exited, Effect.fail("ended")), polled).pipe(
    Effect.mapError(() => new Error(`nats-server did not come up; the end of its log (${log}):\n${lastLines(log)}`))
  )
}

const commandOf = (pid: number): Effect.Effect<string> =>
  Effect.promise(() => promisify(execFile)("ps", ["-o", "command=", "-p", String(pid)]).then(({ stdout }) => stdout, () => ""))

/** A broker left over from a start that was killed together with its guard holds the store; it is ours by its config file. */
const stopLeftover = (place: Place) =>
  Effect.gen(function*() {
    const pid = yield* Effect.sync(() => {
      try {
        return Number.parseInt(readFileSync(place.natsPid, "utf8"), 10)
      } catch {
        return Number.NaN
      }
    })
    if (!Number.isInteger(pid) || pid <= 1 || !(yield* commandOf(pid)).includes(place.natsConfig)) return
    yield* Effect.sync(() => process.kill(pid, "SIGTERM"))
    yield* commandOf(pid).pipe(Effect.delay(100), Effect.repeat({ until: (command) => command === "", times: 80 }))
  }).pipe(Effect.catchDefect(() => Effect.void))

/** Runs the broker until the scope closes; gives when it was given up. */
export const runBroker = (options: {
  readonly binary: string
  readonly settings: BrokerSettings
  readonly place: Place
  readonly log: ProgramLog
}) =>
  Effect.gen(function*() {
    const { binary, log, place, settings } = options
    mkdirSync(dirname(place.natsConfig), { recursive: true, mode: 0o700 })
    mkdirSync(settings.storeDir, { recursive: true })
    // It holds the password of the broker.
    writeFileSync(place.natsConfig, brokerConfig(settings), { mode: 0o600 })
    chmodSync(place.natsConfig, 0o600)
    return yield* supervise({
      name: "nats-server",
      start: Effect.andThen(
        stopLeftover(place),
        startChild({
          command: guarded([binary, "--config", place.natsConfig]),
          env: process.env,
          kind: "guarded",
          output: log.fd,
          ownGroup: true
        })
      ),
      ready: awaitReady(settings, log.path),
      graceMs: stopGraceMs,
      log: log.path
    })
  })
