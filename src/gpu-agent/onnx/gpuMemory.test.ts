import { assert, describe, it } from "@effect/vitest"
import { parseMemoryTotal } from "./gpuMemory.ts"

describe("the memory of a GPU", () => {
  it("is the first line, in MiB", () => {
    assert.strictEqual(parseMemoryTotal("81559\n"), 81_559 * 1024 ** 2)
    assert.strictEqual(parseMemoryTotal("24564\n81559\n"), 24_564 * 1024 ** 2)
  })
  it("is not known from anything else", () => {
    for (const text of ["", "[N/A]\n", "No devices were found\n", "-1"]) assert.isUndefined(parseMemoryTotal(text), text)
  })
})
