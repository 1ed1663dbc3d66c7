import { assert, describe, it } from "@effect/vitest"
import { jsonWithBase64 } from "./largeText.ts"

describe("jsonWithBase64", () => {
  it("is what JSON.stringify would have written", () => {
    for (const value of [{ b: "" }, { a: "\"b\":\"\"", b: "", c: 1 }, { a: { x: "\\\"b\\\":\"\"" }, b: "" }]) {
      assert.strictEqual(jsonWithBase64(value, "b", "AAAA=="), JSON.stringify({ ...value, b: "AAAA==" }))
    }
  })
})
