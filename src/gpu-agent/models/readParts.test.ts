import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { readParts } from "./readParts.ts"

describe("parts of a file", () => {
  const path = join(mkdtempSync(join(tmpdir(), "darkroom-parts-")), "table.bin")
  writeFileSync(path, Uint8Array.from({ length: 10 }, (_, i) => i))
  it("come in the order asked for, and more than once", () => {
    const parts = readParts(path, [{ offset: 8, bytes: 2 }, { offset: 0, bytes: 3 }, { offset: 8, bytes: 1 }])
    assert.deepStrictEqual(parts.map((part) => [...part]), [[8, 9], [0, 1, 2], [8]])
  })
  it("beyond the end are an error, not zeros", () => {
    assert.throws(() => readParts(path, [{ offset: 8, bytes: 3 }]), "it ends before byte 11")
  })
})
