import { assert, describe, it } from "@effect/vitest"
import { Cause, Config, ConfigProvider, Effect, Schema } from "effect"
import { describeFailure } from "./describeFailure.ts"

class Expected extends Schema.TaggedError<Expected>()("Expected", {}) {
  override get message() {
    return "do this"
  }
}

describe("describeFailure", () => {
  it("an expected error says itself what to do; a bug and an interruption do not", () => {
    assert.strictEqual(describeFailure(Cause.fail(new Expected({}))), "do this")
    assert.isUndefined(describeFailure(Cause.die(new Error("bug"))))
    assert.isUndefined(describeFailure(Cause.interrupt()))
  })

  it.effect("a setting that cannot be read is named", () =>
    Effect.gen(function*() {
      const environment = ConfigProvider.layer(ConfigProvider.fromEnvRecord({ PORT: "http" }))
      const cause = yield* Config.Port("PORT").pipe(Effect.provide(environment), Effect.sandbox, Effect.flip)
      assert.match(describeFailure(cause) ?? "", /^PORT: Expected/)
    }))
})
