import { Config, Effect, Layer, Option, Schema } from "effect"
import { ApiKeys } from "../platform/nats/ApiKeys.ts"

export class NoApiKey extends Schema.TaggedError<NoApiKey>()("NoApiKey", {}) {
  override get message(): string {
    return "no API key is configured, and the gateway never serves without one: set DARKROOM_API_KEY to a long random text, " +
      "or make a key with `darkroom keys create`"
  }
}

/** Takes the key of the environment in, and refuses to start while nobody could use the API. */
export const keysReady = Layer.effectDiscard(Effect.gen(function*() {
  const keys = yield* ApiKeys
  const fromEnvironment = yield* Config.option(Config.Redacted("DARKROOM_API_KEY"))
  if (Option.isSome(fromEnvironment)) {
    yield* keys.adopt(fromEnvironment.value, "environment", ["submit", "read", "admin"])
  } else if ((yield* keys.list).length === 0) return yield* new NoApiKey()
}))
