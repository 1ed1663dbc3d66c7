import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** The programs behind scripts/test and scripts/setup.sh. */

const scripts = fileURLToPath(new URL("../../scripts", import.meta.url))

const inFolder = <A>(use: (folder: string) => A): A => {
  const folder = mkdtempSync(join(tmpdir(), "darkroom-scripts-"))
  try {
    return use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const report = (passed: number, failed: number, pending: number, testResults: ReadonlyArray<unknown> = []) =>
  JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending,
    numTodoTests: 0,
    testResults
  })

const count = (text: string, exitCode: number) =>
  inFolder((folder) => {
    const path = join(folder, "report.json")
    writeFileSync(path, text)
    const counts = join(folder, "counts")
    const run = spawnSync(process.execPath, [join(scripts, "test-counts.mjs"), path, String(exitCode), counts], { encoding: "utf8" })
    return { line: run.stdout.trimEnd(), status: run.status, counts: readFileSync(counts, "utf8").trim() }
  })

describe("the closing line of scripts/test", () => {
  it("is what vitest counted", () => {
    assert.deepStrictEqual(count(report(3, 0, 1), 0), { line: "3 passed, 0 failed, 1 skipped", status: 0, counts: "3 0 1" })
    assert.strictEqual(count(report(3, 2, 0), 1).line, "3 passed, 2 failed, 0 skipped")
    assert.strictEqual(count(report(3, 2, 0), 1).status, 1)
  })

  it("counts a file that could not be loaded, and an error outside any test, as failed", () => {
    const unloadable = { status: "failed", assertionResults: [] }
    assert.strictEqual(count(report(3, 0, 0, [unloadable, unloadable]), 1).line, "3 passed, 2 failed, 0 skipped")
    assert.strictEqual(count(report(3, 0, 0), 1).line, "3 passed, 1 failed, 0 skipped")
    assert.strictEqual(count(report(3, 0, 0), 1).status, 1)
  })

  it("fails when nothing ran", () => {
    assert.deepStrictEqual(count("", 1), { line: "0 passed, 1 failed, 0 skipped", status: 1, counts: "0 1 0" })
    assert.strictEqual(count(report(0, 0, 5), 0).status, 1)
  })
})

interface Folder {
  /** What the lock file and npm's own record say, by package. */
  readonly locked: Record<string, { version: string; optional?: boolean }>
  readonly installed?: Record<string, { version: string }>
  readonly stamp?: (lockSha256: string, platform: string) => string
}

/** "<platform> <state>" of such a folder; with `stamped` after it was stamped. */
const stateOf = ({ installed, locked, stamp }: Folder, stamped = false) =>
  inFolder((folder) => {
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    const lock = JSON.stringify({ packages: { "": {}, ...locked } })
    const run = (...args: Array<string>) =>
      spawnSync(process.execPath, [join(scripts, "install-state.cjs"), folder, ...args], { encoding: "utf8" }).stdout.trim().split(" ")
    write("package-lock.json", lock)
    if (installed !== undefined) {
      write("node_modules/.package-lock.json", JSON.stringify({ packages: installed }))
      write("node_modules/node/bin/node", "")
    }
    const platform = run()[0] ?? ""
    if (stamp !== undefined) {
      write("node_modules/.darkroom-installed", stamp(createHash("sha256").update(lock).digest("hex"), platform))
    }
    if (stamped) run("stamp")
    return run()[1]
  })

describe("whether the packages are installed", () => {
  const locked = { "node_modules/a": { version: "1.0.0" }, "node_modules/b-darwin": { version: "1.0.0", optional: true } }
  const installed = { "node_modules/a": { version: "1.0.0" } }

  it("not without node_modules, nor with another version, nor with a package less", () => {
    assert.strictEqual(stateOf({ locked }), "stale")
    assert.strictEqual(stateOf({ locked, installed: { "node_modules/a": { version: "0.9.0" } } }), "stale")
    assert.strictEqual(stateOf({ locked, installed: {} }), "stale")
  })

  it("when npm put in what the lock file says, also by hand; optional ones may be missing", () => {
    assert.strictEqual(stateOf({ locked, installed }), "unstamped")
    assert.strictEqual(stateOf({ locked, installed }, true), "installed")
  })

  it("not on another platform than the one it was installed for", () => {
    assert.strictEqual(stateOf({ locked, installed, stamp: (sha, platform) => `${sha} ${platform}\n` }), "installed")
    assert.strictEqual(stateOf({ locked, installed, stamp: (sha) => `${sha} plan9-mips\n` }), "stale")
  })

  it("looks again when the lock file changed", () => {
    assert.strictEqual(stateOf({ locked, installed, stamp: (_, platform) => `${"0".repeat(64)} ${platform}\n` }), "unstamped")
  })
})
