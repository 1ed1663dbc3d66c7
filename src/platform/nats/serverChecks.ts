import { Effect, Schema } from "effect"
import { Connection } from "./Connection.ts"
import { MisconfiguredLog } from "./errors.ts"
import { request } from "./natsErrors.ts"

/** Sourced work queues and conditional writes with wildcards are proven from here on. */
export const serverVersionMin = "2.14.7"

/** True when `version` (`2.15.2`, `v2.16.0-beta.1`) is at least `least`. A pre-release counts as its release. */
export const isAtLeast = (version: string, least: string): boolean => {
  const parts = (text: string) => (/(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1) ?? ["0", "0", "0"]).map(Number)
  const [have, need] = [parts(version), parts(least)]
  const first = have.findIndex((part, index) => part !== need[index])
  return first === -1 || have[first]! > need[first]!
}

/** Fails when the server is too old or has no JetStream for this account. */
export const checkServer = Effect.gen(function*() {
  const { jsm, nc } = yield* Connection
  const version = nc.info?.version ?? "unknown"
  const problems: Array<string> = []
  if (!isAtLeast(version, serverVersionMin)) {
    problems.push(`nats-server ${version} is too old: run ${serverVersionMin} or newer`)
  }
  const account = yield* Effect.result(request("read the account", () => jsm.getAccountInfo()))
  if (account._tag === "Failure") {
    if (!isJetStreamOff(account.failure.cause)) return yield* account.failure
    problems.push(`nats-server ${version} answers without JetStream: start it with a jetstream block, for this account too`)
  }
  if (problems.length > 0) return yield* new MisconfiguredLog({ problems })
})

const isJetStreamOff = (cause: unknown): boolean => cause instanceof Error && cause.name === "JetStreamNotEnabled"

const Jsz = Schema.Struct({ config: Schema.Struct({ sync_always: Schema.optionalKey(Schema.Boolean) }) })

const monitorTimeoutMs = 2_000

const syncWarning = (base: string) =>
  Effect.tryPromise(async () => {
    const response = await fetch(`${base.replace(/\/$/, "")}/jsz`, { signal: AbortSignal.timeout(monitorTimeoutMs) })
    return (await response.json()) as unknown
  }).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Jsz)),
    Effect.map(({ config }) =>
      config.sync_always === true
        ? []
        : [`sync_interval of the server at ${base} is not "always": a power failure can lose jobs that were accepted`]
    ),
    Effect.catch(() => Effect.succeed([`sync_interval could not be checked: ${base}/jsz did not answer`]))
  )

/**
 * How the servers write is not visible to a client: only the monitoring port tells. One URL a server
 * (`NATS_MONITOR_URL`, separated by commas).
 */
export const syncWarnings = (monitorUrls: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  monitorUrls.length === 0
    ? Effect.succeed([
      "sync_interval could not be checked: set NATS_MONITOR_URL to the monitoring URL of each server (http://host:8222)"
    ])
    : Effect.map(Effect.forEach(monitorUrls, syncWarning, { concurrency: 4 }), (found) => found.flat())
