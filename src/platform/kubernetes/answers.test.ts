import { assert, describe, it } from "@effect/vitest"
import { errorOf, statusOf } from "./answers.ts"
import { isRetryable } from "./errors.ts"

const status = (code: number, reason: string, more: object = {}) => statusOf(JSON.stringify({ kind: "Status", code, reason, message: "why", ...more }))

describe("what the API server's refusals mean", () => {
  const cases: ReadonlyArray<readonly [number, string, string, boolean]> = [
    [400, "BadRequest", "ApiInvalid", false],
    [401, "Unauthorized", "ApiForbidden", false],
    [403, "Forbidden", "ApiForbidden", false],
    [404, "NotFound", "ApiNotFound", false],
    [408, "Timeout", "ApiUnavailable", true],
    [409, "AlreadyExists", "ApiExists", false],
    [409, "Conflict", "ApiConflict", false],
    [410, "Expired", "ApiGone", false],
    [410, "Gone", "ApiGone", false],
    [413, "RequestEntityTooLarge", "ApiInvalid", false],
    [415, "UnsupportedMediaType", "ApiInvalid", false],
    [422, "Invalid", "ApiInvalid", false],
    [429, "TooManyRequests", "ApiThrottled", true],
    [500, "InternalError", "ApiUnavailable", true],
    [503, "ServiceUnavailable", "ApiUnavailable", true],
    [504, "Timeout", "ApiUnavailable", true]
  ]
  for (const [code, reason, tag, retryable] of cases) {
    it(`${code} ${reason}: ${tag}`, () => {
      const error = errorOf("get pods/a", code, status(code, reason))
      assert.strictEqual(error._tag, tag)
      assert.strictEqual(isRetryable(error), retryable)
      assert.include(error.message, "get pods/a")
      assert.include(error.message, "why")
    })
  }

  it("names the fields that are invalid", () => {
    const error = errorOf("create pods/a", 422, status(422, "Invalid", { details: { causes: [{ field: "spec.replicas", message: "too many" }] } }))
    assert.deepStrictEqual(error._tag === "ApiInvalid" && error.details, [{ field: "spec.replicas", message: "too many" }])
  })

  it("believes Retry-After within reason", () => {
    const wait = (header: string | undefined, more: object = {}) => {
      const error = errorOf("list pods", 429, status(429, "TooManyRequests", more), header)
      return error._tag === "ApiThrottled" ? error.retryAfterMs : undefined
    }
    assert.strictEqual(wait("7"), 7_000)
    assert.strictEqual(wait(undefined, { details: { retryAfterSeconds: 3 } }), 3_000)
    assert.strictEqual(wait(undefined), 1_000)
    assert.strictEqual(wait("Wed, 21 Oct 2015 07:28:00 GMT"), 1_000)
    assert.strictEqual(wait("86400"), 60_000)
  })

  it("shows the beginning of an answer that is no Status", () => {
    assert.include(errorOf("list pods", 502, statusOf("<html>bad gateway</html>")).message, "bad gateway")
    assert.isBelow(errorOf("list pods", 502, statusOf("x".repeat(100_000))).message.length, 1_000)
  })
})
