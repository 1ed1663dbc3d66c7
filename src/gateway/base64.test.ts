import { assert, describe, it } from "@effect/vitest"
import { randomBytes } from "node:crypto"
import { decodeBase64, jsonWithBase64 } from "./base64.ts"

const sizes = [0, 1, 2, 3, 4, 24_575, 24_576, 24_577, 49_152, 100_001]

describe("jsonWithBase64", () => {
  it("is what JSON.stringify would have written, at every size around a piece", () => {
    for (const size of sizes) {
      const bytes = randomBytes(size)
      for (const value of [{ b: "" }, { a: "\"b\":\"\"", b: "", c: 1 }, { a: { x: "\\\"b\\\":\"\" é" }, b: "" }]) {
        const expected = JSON.stringify({ ...value, b: bytes.toString("base64") })
        assert.isTrue(jsonWithBase64(value, "b", bytes).toString() === expected, String(size))
      }
    }
  })
})

describe("decodeBase64", () => {
  it("gives the bytes back, at every size around a piece, with or without padding and line breaks", () => {
    for (const size of sizes) {
      const bytes = randomBytes(size)
      const text = bytes.toString("base64")
      for (const form of [text, text.replaceAll("=", ""), text.replace(/(.{76})/g, "$1\r\n"), bytes.toString("base64url")]) {
        assert.isTrue(decodeBase64(Buffer.from(form))?.equals(bytes), String(size))
      }
    }
  })
  it("notices one wrong character anywhere", () => {
    const text = Buffer.from(randomBytes(100_000).toString("base64"))
    for (const at of [0, 32_767, 32_768, 65_536, text.length - 5]) {
      const wrong = Buffer.from(text)
      wrong[at] = 0x2a
      assert.isUndefined(decodeBase64(wrong), String(at))
    }
    assert.isUndefined(decodeBase64(Buffer.concat([text, Buffer.from("=A")])))
  })
})
