import { assert, describe, it } from "@effect/vitest"
import { type HashedSubmission, idempotentJobId, requestHash, uuidV5 } from "./identity.ts"

const submission: HashedSubmission = {
  kind: "edit",
  prompt: "p",
  parameters: { steps: 6, cfg: 1, seed: 42 },
  priority: 1,
  clientId: null,
  model: undefined,
  imageSha256s: ["a"]
}

describe("uuidV5", () => {
  it("has version 5 and the variant of RFC 9562", () => {
    for (const name of ["a", "b", "c", "d"]) {
      assert.match(uuidV5(name), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
  })
})

describe("idempotentJobId", () => {
  it("never changes, or keys of before an upgrade would start second jobs", () => {
    assert.strictEqual(idempotentJobId("key-1", "order-7", 0), "bd1df55f-2590-597e-af4d-a703c38ec28f")
  })
  it("differs by API key, by idempotency key and by generation", () => {
    const ids = [
      idempotentJobId("k", "a", 0), idempotentJobId("l", "a", 0), idempotentJobId("k", "b", 0), idempotentJobId("k", "a", 1),
      idempotentJobId("ka", "", 0), idempotentJobId("", "ka", 0)
    ]
    assert.strictEqual(new Set(ids).size, ids.length)
  })
})

describe("requestHash", () => {
  it("does not depend on the order of the parameters", () => {
    assert.strictEqual(requestHash(submission), requestHash({ ...submission, parameters: { seed: 42, cfg: 1, steps: 6 } }))
  })
  it("never changes for one picture, or a key of before an upgrade would be refused", () => {
    assert.strictEqual(requestHash(submission), "87ccd59e907acaacf04a720e02731b7df445346be5106637d36eefaae95d3599")
    assert.strictEqual(requestHash({ ...submission, imageSha256s: [] }), "50d29a9f6d7b4391dc0b9bca0a20550c3221348a13c37f095a8b5d7269005693")
  })
  it("depends on everything that was asked for", () => {
    const others: ReadonlyArray<HashedSubmission> = [
      { ...submission, kind: "image_to_image" },
      { ...submission, prompt: "q" },
      { ...submission, parameters: { ...submission.parameters, seed: 43 } },
      { ...submission, priority: 2 },
      { ...submission, clientId: "me" },
      { ...submission, model: "m" },
      { ...submission, parameters: { ...submission.parameters, loras: [{ name: "a", weight: 1 }] } },
      { ...submission, parameters: { ...submission.parameters, loras: [{ name: "a", weight: 0.5 }] } },
      { ...submission, imageSha256s: ["b"] },
      { ...submission, imageSha256s: [] },
      { ...submission, imageSha256s: ["a", "b"] },
      { ...submission, imageSha256s: ["b", "a"] },
      { ...submission, imageSha256s: ["a", "b", "c"] }
    ]
    assert.strictEqual(new Set([submission, ...others].map(requestHash)).size, others.length + 1)
  })
})
