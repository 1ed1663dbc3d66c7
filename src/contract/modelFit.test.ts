import { assert, describe, it } from "@effect/vitest"
import type { ModelManifest } from "./ModelManifest.ts"
import { type Asked, misfitOf } from "./modelFit.ts"

const manifest: ModelManifest = {
  manifest_version: 1,
  name: "editor",
  version: "1",
  description: "",
  family: "qwen-image-edit",
  license: "",
  kinds: ["edit", "image_to_image"],
  files: [],
  variants: [],
  images_max: 2,
  loras: [{ name: "film", weight_min: 0, weight_max: 1.5, sha256: "a".repeat(64) }],
  uses_parameters: [],
  load_time_ms: 1,
  timeout_s: 1,
  settings: {}
}
const { images_max: _, loras: __, ...plain } = manifest

const fieldOf = (asked: Partial<Asked>, model: ModelManifest = manifest) =>
  misfitOf(model, { kind: "edit", images: 1, parameters: {}, ...asked })?.field
const loras = (...list: ReadonlyArray<readonly [string, number]>) => ({ parameters: { loras: list.map(([name, weight]) => ({ name, weight })) } })

describe("what a model can do", () => {
  it("is its kinds", () => {
    assert.isUndefined(fieldOf({ kind: "image_to_image" }))
    assert.strictEqual(fieldOf({ kind: "text" }), "model")
  })
  it("is as many pictures as it says, one if it says nothing", () => {
    assert.isUndefined(fieldOf({ images: 2 }))
    assert.strictEqual(fieldOf({ images: 3 }), "images")
    assert.isUndefined(fieldOf({ images: 1 }, plain))
    assert.strictEqual(fieldOf({ images: 2 }, plain), "images")
    assert.isUndefined(fieldOf({ images: 0 }))
  })
  it("is the adapters that it declares, within their weights", () => {
    assert.isUndefined(fieldOf(loras(["film", 0])))
    assert.isUndefined(fieldOf(loras(["film", 1.5])))
    assert.strictEqual(fieldOf(loras(["film", 1], ["noir", 1])), "loras.1.name")
    assert.strictEqual(fieldOf(loras(["film", 1.6])), "loras.0.weight")
    assert.strictEqual(fieldOf(loras(["film", -0.1])), "loras.0.weight")
    assert.strictEqual(fieldOf(loras(["film", 1]), plain), "loras.0.name")
  })
  it("is told with what it has", () => {
    assert.include(misfitOf(manifest, { kind: "edit", images: 1, ...loras(["noir", 1]) })!.message, "it has: film")
    assert.include(misfitOf(plain, { kind: "edit", images: 3, parameters: {} })!.message, "takes one picture a job, and 3 were sent")
  })
})
