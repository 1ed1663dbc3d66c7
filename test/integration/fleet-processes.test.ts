import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describeExit, nodeCommand, startChild } from "../../src/platform/processes/Child.ts"
import { lockFile } from "../../src/platform/processes/LockFile.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "darkroom-processes-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const within = (check: () => boolean) =>
  Effect.sync(check).pipe(
    Effect.delay("20 millis"),
    Effect.repeat({ until: (done) => done, times: 400 }),
    Effect.tap((done) => Effect.sync(() => assert.isTrue(done, "it did not happen within 8 seconds")))
  )

const child = (script: string, kind: "node" | "guarded" = "node") =>
  startChild({ command: [...nodeCommand, "-e", script], env: process.env, kind, output: "inherit" })

describe("startChild", () => {
  it.live("tells how a process ended, and why one could not start", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* (yield* child("process.exit(7)")).exited).code, 7)
      const none = yield* startChild({ command: ["/no/such/program"], env: {}, kind: "guarded", output: "inherit" })
      assert.include(describeExit(yield* none.exited), "ENOENT")
      assert.isTrue(none.hasExited())
    }))

  it.live("stop: SIGTERM, then SIGKILL for one that does not listen", () =>
    Effect.gen(function*() {
      const meek = yield* child("setInterval(() => {}, 1000)")
      assert.strictEqual((yield* meek.stop(8_000)).signal, "SIGTERM")
      const at = yield* folder
      const stubborn = yield* child(
        `process.on("SIGTERM", () => {}); require("fs").writeFileSync(${JSON.stringify(join(at, "up"))}, ""); setInterval(() => {}, 1000)`
      )
      yield* within(() => existsSync(join(at, "up")))
      assert.strictEqual((yield* stubborn.stop(50)).signal, "SIGKILL")
    }))

  it.live("a child ends when its parent is killed with SIGKILL", () =>
    Effect.gen(function*() {
      const at = yield* folder
      const script = join(at, "parent.mts")
      writeFileSync(
        script,
        `import { spawn } from "node:child_process"
         spawn(process.execPath, [...${JSON.stringify(nodeCommand.slice(1))}, "-e", "console.log(process.pid); setInterval(() => {}, 1000)"],
           { stdio: ["ignore", "inherit", "inherit", "ipc"] })`
      )
      const parent = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] })
      let out = ""
      parent.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
      yield* within(() => out.includes("\n"))
      const pid = Number(out)
      assert.isTrue(isAlive(pid))
      parent.kill("SIGKILL")
      yield* within(() => !isAlive(pid))
    }), 20_000)
})

describe("lockFile", () => {
  it.live("is held by one process, named in the error, and taken over from a dead one", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "fleet.lock")
      const other = yield* child("setInterval(() => {}, 1000)")
      writeFileSync(path, `${other.pid}\n`)
      const error = yield* Effect.flip(Effect.scoped(lockFile(path, "A fleet")))
      assert.include(error.message, `process ${other.pid}`)
      yield* other.stop(8_000)
      yield* Effect.scoped(
        Effect.andThen(lockFile(path, "A fleet"), Effect.sync(() => assert.strictEqual(readFileSync(path, "utf8"), `${process.pid}\n`)))
      )
      assert.isFalse(existsSync(path))
    }))
})
