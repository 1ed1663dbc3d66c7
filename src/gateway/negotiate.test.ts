import { assert, describe, it } from "@effect/vitest"
import { parseIdempotencyKey, parsePrefer, prefersImage } from "./negotiate.ts"

describe("parsePrefer", () => {
  it("understands respond-async and wait, alone, together and quoted", () => {
    assert.deepStrictEqual(parsePrefer("respond-async"), { respondAsync: true, waitMs: undefined })
    assert.deepStrictEqual(parsePrefer("wait=10"), { respondAsync: false, waitMs: 10_000 })
    assert.deepStrictEqual(parsePrefer("Respond-Async, wait=\"3\"; x=y"), { respondAsync: true, waitMs: 3_000 })
  })
  it("ignores what it does not understand", () => {
    for (const header of [undefined, "", "wait", "wait=soon", "wait=-1", "return=minimal"]) {
      assert.deepStrictEqual(parsePrefer(header), { respondAsync: false, waitMs: undefined }, header)
    }
  })
})

describe("prefersImage", () => {
  it("an image type asks for bytes", () => {
    for (const accept of ["image/png", "image/*", "image/png, */*", "application/json;q=0.5, image/png"]) {
      assert.isTrue(prefersImage(accept), accept)
    }
  })
  it("everything else is answered with JSON", () => {
    for (const accept of [undefined, "", "*/*", "application/json", "image/png;q=0", "image/png;q=0.1, application/json", "image/webp"]) {
      assert.isFalse(prefersImage(accept), accept)
    }
  })
})

describe("parseIdempotencyKey", () => {
  it("takes a structured-field string and the bare text alike", () => {
    assert.strictEqual(parseIdempotencyKey("\"order \\\"7\\\"\""), "order \"7\"")
    assert.strictEqual(parseIdempotencyKey("order-7"), "order-7")
  })
  it("refuses empty, overlong and non-printable keys", () => {
    for (const key of ["", "\"\"", "x".repeat(256), "caf\u00e9"]) assert.isUndefined(parseIdempotencyKey(key), key)
  })
})
