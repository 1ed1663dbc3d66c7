import { Effect, Result, Schema } from "effect"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { isAtLeast, serverVersionMin } from "../platform/nats/serverChecks.ts"

/** There is no nats-server, or one that cannot serve. */
export class NatsServerUnusable extends Schema.TaggedError<NatsServerUnusable>()("NatsServerUnusable", {
  binary: Schema.String,
  why: Schema.String
}) {
  override get message(): string {
    return `${this.binary} ${this.why}: scripts/nats-server finds or fetches one that works; NATS_SERVER_BIN names it`
  }
}

/** The version of a nats-server that is new enough. */
export const natsServerVersion = (binary: string): Effect.Effect<string, NatsServerUnusable> =>
  Effect.gen(function*() {
    const answer = yield* Effect.result(Effect.tryPromise(() => promisify(execFile)(binary, ["--version"], { timeout: 10_000 })))
    if (Result.isFailure(answer)) return yield* new NatsServerUnusable({ binary, why: "does not run" })
    const version = answer.success.stdout.trim().replace(/^nats-server:\s*v?/, "")
    if (isAtLeast(version, serverVersionMin)) return version
    return yield* new NatsServerUnusable({ binary, why: `is too old (${version}; ${serverVersionMin} or newer is needed)` })
  })
