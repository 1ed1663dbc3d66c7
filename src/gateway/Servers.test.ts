import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { listen } from "./Servers.ts"

const address = { variable: "PORT", host: "127.0.0.1", port: 0 }

describe("a listener", () => {
  it.effect("outlives connections that cannot be accepted", () =>
    Effect.gen(function*() {
      const { server, url } = yield* listen(() => new Response("here"), () => {}, address)
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
      // What Node says each time when the process has no files left.
      for (let refused = 0; refused < 3; refused++) server.emit("error", Object.assign(new Error("accept EMFILE"), { code: "EMFILE" }))
      assert.strictEqual(yield* Effect.promise(() => fetch(url).then((response) => response.text())), "here")
    }))

  it.effect("says which variable to set when the port is taken", () =>
    Effect.gen(function*() {
      const { server, url } = yield* listen(() => new Response(), () => {}, address)
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
      const error = yield* Effect.flip(listen(() => new Response(), () => {}, { ...address, port: Number(new URL(url).port) }))
      assert.include(error.message, "set PORT")
    }))
})
