import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

/** A lock file written behind a mirror that lacks some platforms' binaries makes `npm ci` fail for everybody. */

interface Locked {
  readonly optionalDependencies?: Record<string, string>
}

const lock = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8")) as {
  packages: Record<string, Locked>
}
const names = new Set(Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf("node_modules/") + 13)))

describe("package-lock.json", () => {
  it("names the optional packages of every platform (else run scripts/complete-lock.mjs)", () => {
    const missing = Object.values(lock.packages)
      .flatMap((locked) => Object.keys(locked.optionalDependencies ?? {}))
      .filter((name) => !names.has(name))
    assert.deepStrictEqual(missing, [])
  })

  it("names no registry", () => {
    assert.deepStrictEqual(Object.values(lock.packages).filter((locked) => "resolved" in locked), [])
  })
})
