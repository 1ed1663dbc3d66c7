import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { lastWords } from "./logs.ts"

describe("what a program said last", () => {
  const of = (text: string): string => {
    const folder = mkdtempSync(join(tmpdir(), "darkroom-logs-"))
    try {
      writeFileSync(join(folder, "log"), text)
      return lastWords(join(folder, "log"))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  it("is the message of a JSON line, or the line itself", () => {
    const fatal = '{"program":"gateway","message":"EDIT_WAIT: Expected a \\"duration\\"","level":"FATAL"}'
    assert.strictEqual(of(`${"x".repeat(20_000)}\n{"message":"before"}\n${fatal}\n`), 'EDIT_WAIT: Expected a "duration"')
    assert.strictEqual(of("first\nnats-server: bad config\n"), "nats-server: bad config")
  })

  it("is empty where nothing was said", () => {
    assert.strictEqual(of(""), "")
    assert.strictEqual(lastWords(join(tmpdir(), "darkroom-no-such-log")), "")
  })
})
