import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { ApiKeys } from "../../src/platform/nats/ApiKeys.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { keysStream } from "../../src/platform/nats/streams.ts"
import { eventually, live, logServices, program } from "./logServices.ts"

layer(logServices(), live)("API keys", (it) => {
  it.effect("are shown once, stored only hashed, and open with their scopes", () =>
    Effect.gen(function*() {
      const keys = yield* ApiKeys
      const { key, record } = yield* keys.create({ name: "laptop", scopes: ["submit", "read"] })
      const text = Redacted.value(key)
      assert.match(text, /^dkr_[0-9A-Za-z]{38}$/)
      assert.deepStrictEqual(yield* keys.verify(text), record)
      assert.strictEqual(record.id, record.sha256.slice(0, 16))
      const { jsm } = yield* Connection
      const stored = yield* Effect.promise(() => jsm.streams.getMessage(keysStream, { last_by_subj: `$KV.KEYS.${record.id}` }))
      assert.isFalse(stored!.string().includes(text.slice(4, 20)))
      assert.isUndefined(yield* keys.verify(`${text.slice(0, -1)}${text.endsWith("a") ? "b" : "a"}`))
      assert.isUndefined(yield* keys.verify("dkr_"))
      assert.isUndefined(yield* keys.verify("x".repeat(10_000)))
    }))

  it.effect("made and revoked by another program count at once, without a restart", () =>
    Effect.gen(function*() {
      const here = yield* ApiKeys
      const there = yield* Effect.map(Layer.build(program("other-gateway")), (context) => ApiKeys.pipe(Effect.provide(context)))
      const other = yield* there
      const { key, record } = yield* other.create({ name: "other", scopes: ["admin"] })
      const text = Redacted.value(key)
      yield* eventually("known here", Effect.map(here.verify(text), (found) => found?.id === record.id))
      yield* here.revoke(record.id)
      assert.isUndefined(yield* here.verify(text))
      yield* eventually("revoked there", Effect.map(other.verify(text), (found) => found === undefined))
      assert.isFalse((yield* other.list).some((one) => one.id === record.id))
      yield* here.revoke("not-an-id.>")
    }))

  it.effect("that a new program finds were there before it", () =>
    Effect.gen(function*() {
      const { key, record } = yield* (yield* ApiKeys).create({ name: "early", scopes: ["read"] })
      const found = yield* ApiKeys.use((keys) => keys.verify(Redacted.value(key))).pipe(Effect.provide(program("late")))
      assert.strictEqual(found?.id, record.id)
    }))

  it.effect("expire", () =>
    Effect.gen(function*() {
      const keys = yield* ApiKeys
      const past = yield* keys.create({ name: "past", scopes: ["read"], expiresAt: "2020-01-01T00:00:00Z" })
      const future = yield* keys.create({ name: "future", scopes: ["read"], expiresAt: "2999-01-01T00:00:00Z" })
      assert.isUndefined(yield* keys.verify(Redacted.value(past.key)))
      assert.strictEqual((yield* keys.verify(Redacted.value(future.key)))?.name, "future")
    }))

  it.effect("chosen by the operator are adopted once; short ones and mistyped ones are refused with the fix", () =>
    Effect.gen(function*() {
      const keys = yield* ApiKeys
      const own = Redacted.make("correct horse battery staple")
      const first = yield* keys.adopt(own, "env", ["submit"])
      const second = yield* keys.adopt(own, "env again", ["admin"])
      assert.deepStrictEqual(second, first)
      assert.strictEqual((yield* keys.verify(Redacted.value(own)))?.name, "env")
      const short = yield* Effect.flip(keys.adopt(Redacted.make("secret"), "env", ["submit"]))
      assert.strictEqual(short._tag, "InvalidApiKey")
      assert.include(short.message, "at least 16 characters, this one has 6")
      const { key } = yield* keys.create({ name: "x", scopes: [] })
      const mistyped = yield* Effect.flip(keys.adopt(Redacted.make(`${Redacted.value(key)}x`), "env", ["submit"]))
      assert.include(mistyped.message, "copy the whole key again")
      assert.notInclude(mistyped.message, Redacted.value(key))
      yield* keys.revoke(first.id)
      assert.isUndefined(yield* keys.verify(Redacted.value(own)))
      assert.strictEqual((yield* keys.adopt(own, "env", ["submit"])).id, first.id)
      assert.isDefined(yield* keys.verify(Redacted.value(own)))
    }))
})
