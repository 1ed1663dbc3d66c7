import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { EditRequest } from "../../contract/EditApi.ts"
import { bodyMaxBytes } from "../../contract/limits.ts"
import { decodeFields, readBody, unknownFieldWarnings } from "./body.ts"

const post = (body: BodyInit, headers: Record<string, string> = { "content-type": "application/json" }) =>
  new Request("http://x/", { method: "POST", body, headers, duplex: "half" } as RequestInit)

const statusOf = (request: Request) => Effect.map(Effect.flip(readBody(request)), (problem) => problem.status)

describe("readBody", () => {
  it.effect("reads a JSON object, also without a content type", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* readBody(post("{\"a\":1}"))).fields, { a: 1 })
      const request = post(Buffer.from("{\"a\":1}"), {})
      assert.deepStrictEqual((yield* readBody(request)).fields, { a: 1 })
    }))
  it.effect("reads multipart: files, text, and numbers where the field has one", () =>
    Effect.gen(function*() {
      const form = new FormData()
      form.set("image", new Blob([Uint8Array.of(1, 2, 3)]), "photo.jpg")
      form.set("prompt", "42")
      form.set("steps", "7")
      form.set("cfg", "1.5")
      const body = yield* readBody(new Request("http://x/", { method: "POST", body: form }))
      assert.deepStrictEqual(body.fields, { image: "photo.jpg", prompt: "42", steps: 7, cfg: 1.5 })
      assert.deepStrictEqual(body.image?._tag === "File" ? Array.from(body.image.bytes) : body.image?._tag, [1, 2, 3])
    }))
  it.effect("reads further pictures of a form in their order, as files or as text, and a list of adapters", () =>
    Effect.gen(function*() {
      const form = new FormData()
      form.append("image", new Blob([Uint8Array.of(1)]), "1.png")
      form.append("images", new Blob([Uint8Array.of(2)]), "2.png")
      form.append("prompt", "p")
      form.append("images", new Blob([]), "")
      form.append("images", "AAAA")
      form.append("loras", "[{\"name\":\"film\"}]")
      const { fields, image, images } = yield* readBody(new Request("http://x/", { method: "POST", body: form }))
      assert.deepStrictEqual(fields, { image: "1.png", images: ["2.png", "AAAA"], prompt: "p", loras: [{ name: "film" }] })
      assert.deepStrictEqual(image?._tag === "File" ? [...image.bytes] : [], [1])
      assert.deepStrictEqual(images.map((sent) => (sent?._tag === "File" ? [...sent.bytes] : sent)), [[2], undefined])
    }))
  it.effect("a list that is none is left for its schema to refuse", () =>
    Effect.gen(function*() {
      const form = new FormData()
      form.set("loras", "film")
      const { fields } = yield* readBody(new Request("http://x/", { method: "POST", body: form }))
      assert.deepStrictEqual(fields, { loras: "film" })
    }))
  it.effect("a large image is not made a string, and every other field stays as it is", () =>
    Effect.gen(function*() {
      const large = "A".repeat(100_000)
      for (const text of [
        `{"prompt":"say \\"image\\": é","image" : "${large}","steps":7}`,
        JSON.stringify({ image: large, prompt: "say \"image\": é", steps: 7 }, null, 2)
      ]) {
        const { fields, image } = yield* readBody(post(text))
        assert.deepInclude(fields, { prompt: "say \"image\": é", steps: 7 })
        assert.isTrue(image?._tag === "Text" && image.text.toString() === large)
        assert.isBelow(String(fields["image"]).length, 100)
      }
    }))
  it.effect("an image in another object, written twice, escaped or as a value is parsed as usual", () =>
    Effect.gen(function*() {
      const large = "A".repeat(100_000)
      for (const text of [
        `{"x":{"image":"${large}"},"image":"B"}`, `{"image":"${large}","image":"B"}`, `{"a":"image","image":"B\\n"}`,
        `{"x":{"image":"${large}"}}`, `{"image":"\\u0041${large}"}`
      ]) {
        const { fields, image } = yield* readBody(post(text))
        assert.isUndefined(image)
        assert.deepStrictEqual(fields, JSON.parse(text))
      }
    }))
  it.effect("malformed bodies are 400, other content types 415", () =>
    Effect.gen(function*() {
      for (const text of ["", "{", "[]", "null", "\"x\"", "{\"a\":1}}", `{"image":"${"A".repeat(100_000)}`, `{"image":"${"A".repeat(100_000)}"`]) assert.strictEqual(yield* statusOf(post(text)), 400, text)
      assert.strictEqual(yield* statusOf(post("x", { "content-type": "multipart/form-data" })), 400)
      assert.strictEqual(yield* statusOf(post("a=1", { "content-type": "application/x-www-form-urlencoded" })), 415)
      assert.strictEqual(yield* statusOf(post("x", { "content-type": "image/png" })), 415)
    }))
  it.effect("a body that is too long is refused by its length, before anything is read", () =>
    Effect.gen(function*() {
      let read = 0
      const stream = new ReadableStream({ pull: (controller) => void (read += 1, controller.enqueue(new Uint8Array(1024))) }, { highWaterMark: 0 })
      const request = post(stream, { "content-type": "application/json", "content-length": String(bodyMaxBytes + 1) })
      assert.strictEqual(yield* statusOf(request), 413)
      assert.strictEqual(read, 0)
    }))
  it.effect("a body that does not say how long it is, is cut as soon as it is too long", () =>
    Effect.gen(function*() {
      const chunkBytes = 1024 * 1024
      let sent = 0
      const stream = new ReadableStream({
        pull: (controller) => void (sent += chunkBytes, controller.enqueue(new Uint8Array(chunkBytes)))
      }, { highWaterMark: 0 })
      assert.strictEqual(yield* statusOf(post(stream)), 413)
      assert.isAtMost(sent, bodyMaxBytes + 2 * chunkBytes)
    }))
})

describe("decodeFields", () => {
  it.effect("names every wrong field", () =>
    Effect.gen(function*() {
      const problem = yield* Effect.flip(decodeFields(EditRequest, { image: "x", steps: 99, cfg: "x" }))
      assert.strictEqual(problem.status, 400)
      assert.deepStrictEqual(problem.errors.map(({ field }) => field).sort(), ["cfg", "prompt", "steps"])
      assert.include(problem.detail, "steps: Expected a value between 4 and 20")
      assert.include(problem.detail, "prompt: is required")
    }))
})

describe("adapters and further pictures", () => {
  const wrong = (fields: object) =>
    Effect.map(Effect.flip(decodeFields(EditRequest, { image: "x", prompt: "p", ...fields })), ({ errors }) => errors.map(({ field }) => field))
  const film = { name: "film", weight: 1 }
  it.effect("take a weight of 1 when none is given", () =>
    Effect.gen(function*() {
      const { loras } = yield* decodeFields(EditRequest, { image: "x", prompt: "p", loras: [{ name: "film" }, { name: "noir", weight: -2 }] })
      assert.deepStrictEqual(loras, [film, { name: "noir", weight: -2 }])
    }))
  it.effect("are refused by the field that is wrong", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* wrong({ loras: [film, { ...film, name: "noir", weight: 2.1 }] }), ["loras.1.weight"])
      assert.deepStrictEqual(yield* wrong({ loras: [{ ...film, name: "../film" }] }), ["loras.0.name"])
      assert.deepStrictEqual(yield* wrong({ loras: [film, film] }), ["loras.1.name"])
      assert.deepStrictEqual(yield* wrong({ loras: ["a", "b", "c", "d", "e"].map((name) => ({ name, weight: 1 })) }), ["loras"])
      assert.deepStrictEqual(yield* wrong({ loras: "film" }), ["loras"])
      assert.deepStrictEqual(yield* wrong({ images: ["a", "b", "c"] }), ["images"])
      assert.deepStrictEqual(yield* wrong({ images: ["a", ""] }), ["images.1"])
    }))
})

describe("unknownFieldWarnings", () => {
  it("names the fields that a route does not know, inherited names too", () => {
    assert.deepStrictEqual(
      unknownFieldWarnings(EditRequest.fields, { prompt: "p", strenght: 1, toString: 2 }).map((warning) => /"(\w+)"/.exec(warning)?.[1]),
      ["strenght", "toString"]
    )
  })
})
