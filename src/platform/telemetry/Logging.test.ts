import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { jsonLogger, textLogger } from "./Logging.ts"

const written = (logger: Logger.Logger<unknown, string>, effect: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    yield* effect.pipe(Effect.provide(Logger.layer([Logger.map(logger, (line) => void lines.push(line))])))
    return lines
  })

const entry = Effect.logWarning("lanes are late", { pool: "local" }).pipe(Effect.annotateLogs("job", "j1"))

describe("logging", () => {
  it.effect("json: one object a line, with the program, level, message and annotations", () =>
    Effect.gen(function*() {
      const [line = ""] = yield* written(jsonLogger("fleet"), entry)
      const json: unknown = JSON.parse(line)
      assert.notInclude(line, "\n")
      assert.deepInclude(json, { program: "fleet", level: "WARN", annotations: { job: "j1" } })
    }))

  it.effect("text: time, level, program, message", () =>
    Effect.gen(function*() {
      const [line = ""] = yield* written(textLogger("fleet"), entry)
      assert.match(line, /^\d\d:\d\d:\d\d warn {2}fleet {3}lanes are late/)
      assert.include(line, "job=j1")
    }))
})
