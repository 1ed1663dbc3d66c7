import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { EngineProcess } from "./EngineProcess.ts"
import { runIn } from "./exchange.ts"
import type { RunRequest } from "./protocol.ts"

const request: RunRequest = { _tag: "Run", job_id: "j", model: "m", kind: "edit", prompt: "", parameters: {}, inputs: [] }
const settings = { timeoutMs: 1_000, onLoading: () => Effect.void, onStep: () => Effect.void }

describe("a run", () => {
  it.effect("that the engine gives up unasked is a crash, not an interruption of whoever waits", () =>
    Effect.gen(function*() {
      const kills: Array<string> = []
      const engine: EngineProcess = {
        pid: 0,
        memoryMaxBytes: 1,
        send: () => Effect.void,
        take: Effect.succeed({ _tag: "Cancelled", job_id: "j" }),
        hasEnded: Effect.succeed(false),
        ended: Effect.never,
        kill: (reason) => Effect.sync(() => void kills.push(reason))
      }
      const error = yield* Effect.flip(runIn(engine, request, settings, 100))
      assert.strictEqual(error._tag, "EngineCrashed")
      assert.deepStrictEqual(kills, ["nonsense"])
    }))
})
