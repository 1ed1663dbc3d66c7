import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection as Nats } from "@nats-io/transport-node"
import { Config, Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { inboxPrefix } from "../../contract/natsPermissions.ts"
import { failFast } from "./failFast.ts"

export class ConnectError extends Schema.TaggedError<ConnectError>()("ConnectError", {
  servers: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `cannot reach the NATS server at ${this.servers}: start one (\`darkroom up\` brings its own), or set NATS_URL`
  }
}

/** One connection a program. Reconnects for ever; requests fail fast while it is away. */
export class Connection extends Context.Service<Connection, {
  readonly nc: Nats
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
}>()("darkroom/platform/nats/Connection") {
  /** `name` is what the broker shows in its connection list. With NATS_CA_FILE the connection is TLS, trusting that CA alone. */
  static readonly layer = (name: string) =>
    Layer.effect(
      Connection,
      Effect.gen(function*() {
        const servers = yield* Config.String("NATS_URL").pipe(Config.withDefault("nats://127.0.0.1:4222"))
        const user = yield* Config.option(Config.String("NATS_USER"))
        const password = yield* Config.option(Config.Redacted("NATS_PASSWORD"))
        const caFile = yield* Config.option(Config.String("NATS_CA_FILE"))
        const requestTimeoutMs = yield* Config.Int("NATS_REQUEST_TIMEOUT_MS").pipe(Config.withDefault(5_000))
        const nc = yield* Effect.acquireRelease(
          Effect.tryPromise({
            try: () =>
              connect({
                servers: servers.split(","),
                name,
                maxReconnectAttempts: -1,
                reconnectTimeWait: 250,
                reconnectJitter: 250,
                pingInterval: 5_000,
                // Else every request builds two errors with their stacks, for a failure that nearly never comes.
                noAsyncTraces: true,
                maxPingOut: 2,
                inboxPrefix: inboxPrefix(Option.getOrElse(user, () => name)),
                ...(Option.isSome(caFile) ? { tls: { caFile: caFile.value } } : {}),
                ...(Option.isSome(user) ? { user: user.value } : {}),
                ...(Option.isSome(password) ? { pass: Redacted.value(password.value) } : {})
              }),
            catch: (cause) => new ConnectError({ servers, cause })
          }),
          (nc) => Effect.promise(() => nc.drain().catch(() => nc.close()))
        )
        failFast(nc)
        const jsm = yield* Effect.tryPromise({
          try: () => jetstreamManager(nc, { timeout: requestTimeoutMs, checkAPI: false }),
          catch: (cause) => new ConnectError({ servers, cause })
        })
        return Connection.of({ nc, js: jetstream(nc, { timeout: requestTimeoutMs }), jsm })
      })
    )
}
