import { assert, describe, expect, it } from "@effect/vitest"
import { Schema } from "effect"
import { EditRequest, HistoryQuery, ScaleQuery } from "./EditApi.ts"
import { FramesRequest, ImageEditRequest, ImageRequest, TextRequest } from "./ModelsApi.ts"

const image = "AAAA"
const accepts = (schema: Schema.Codec<any, any>, body: object) => Schema.decodeUnknownSync(schema)(body)
const refuses = (schema: Schema.Codec<any, any>, body: object) =>
  assert.throws(() => Schema.decodeUnknownSync(schema)(body), undefined, undefined, JSON.stringify(body))

/** field → [values inside the range, values outside]; each is put into an otherwise valid body. */
const ranges = (schema: Schema.Codec<any, any>, valid: object, table: Record<string, [Array<unknown>, Array<unknown>]>) => {
  for (const [field, [inside, outside]] of Object.entries(table)) {
    it(`${field}: inside and outside its range`, () => {
      for (const value of inside) assert.strictEqual((accepts(schema, { ...valid, [field]: value }) as any)[field], value)
      for (const value of outside) refuses(schema, { ...valid, [field]: value })
    })
  }
}

const text = [["x"], ["", "  ", 7, "x".repeat(4001)]] as [Array<unknown>, Array<unknown>]
const seed = [[0, 2 ** 32 - 1, null], [-1, 2 ** 32, 1.5, "1"]] as [Array<unknown>, Array<unknown>]
const guidance = [[0, 20, 7.5], [-0.1, 20.1, "7"]] as [Array<unknown>, Array<unknown>]

describe("POST /api/edit", () => {
  it("defaults", () => {
    expect(accepts(EditRequest, { image, prompt: "p" })).toMatchSnapshot()
  })
  ranges(EditRequest, { image, prompt: "p" }, {
    prompt: text,
    steps: [[4, 20], [3, 21, 6.5, "6", null]],
    cfg: [[1, 10, 2.5], [0.9, 10.1, "1"]],
    seed,
    priority: [[0, 1, 2], [3, -1, 0.5, "1"]],
    client_id: [["me", null], [5, "x".repeat(201)]]
  })
  it("image and prompt are required", () => {
    refuses(EditRequest, { prompt: "p" })
    refuses(EditRequest, { image })
  })
})

describe("models API", () => {
  it("defaults", () => {
    expect([
      accepts(TextRequest, { prompt: "p" }),
      accepts(ImageRequest, { prompt: "p" }),
      accepts(ImageEditRequest, { prompt: "p", image_base64: image }),
      accepts(FramesRequest, { prompt: "p" })
    ]).toMatchSnapshot()
  })
  describe("text", () =>
    ranges(TextRequest, { prompt: "p" }, {
      prompt: text,
      max_tokens: [[1, 4096], [0, 4097, 1.5]],
      temperature: [[0, 2], [-0.1, 2.1]],
      top_p: [[0.01, 1], [0, 1.1]],
      seed
    }))
  describe("image", () =>
    ranges(ImageRequest, { prompt: "p" }, {
      num_inference_steps: [[1, 20, 50], [0, 51]],
      guidance_scale: guidance,
      width: [[256, 1536, 1024], [255, 248, 1544, 257]],
      height: [[256, 1536], [1540, 100]],
      seed
    }))
  describe("image edit", () =>
    ranges(ImageEditRequest, { prompt: "p", image_base64: image }, { strength: [[0.01, 1], [0, 1.01, -1]], guidance_scale: guidance }))
  describe("frames", () => ranges(FramesRequest, { prompt: "p" }, { num_frames: [[1, 16], [0, 17]] }))
})

describe("queries", () => {
  it("history: a page of at most 100", () => {
    assert.deepStrictEqual(accepts(HistoryQuery, { page: "2", limit: "100", status: "failed" }), { page: 2, limit: 100, status: "failed" })
    for (const query of [{ limit: "101" }, { limit: "0" }, { page: "0" }, { page: "x" }, { page: "1.5" }, { status: "done" }]) {
      refuses(HistoryQuery, query)
    }
  })
  it("scale: one replica unless said", () => {
    assert.deepStrictEqual(accepts(ScaleQuery, {}), { replicas: 1 })
    for (const replicas of ["-1", "1.5", "many", ""]) refuses(ScaleQuery, { replicas })
  })
})
