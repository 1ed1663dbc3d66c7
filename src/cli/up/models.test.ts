import { assert, describe, it } from "@effect/vitest"
import type { JobKind } from "../../contract/Job.ts"
import type { ModelManifest, PipelineFamily } from "../../contract/ModelManifest.ts"
import { defaultsOf, fits, inPoolOrder, servable, updatedList } from "./models.ts"

const model = (
  name: string,
  family: PipelineFamily,
  kinds: ReadonlyArray<JobKind>,
  more: { readonly uses?: ReadonlyArray<string>; readonly on?: ReadonlyArray<"cpu" | "cuda"> } = {}
): ModelManifest => ({
  manifest_version: 1,
  name,
  version: "1",
  description: "",
  family,
  license: "",
  kinds,
  files: [],
  variants: (more.on ?? ["cpu"]).map((execution_provider) => ({ execution_provider, precision: "fp32", graphs: {}, memory_bytes: 1 })),
  uses_parameters: more.uses ?? [],
  load_time_ms: 1,
  timeout_s: 1,
  settings: {}
})

const pictures = ["text_to_image", "image_to_image", "frames"] as const
const starter = model("starter", "starter", ["edit", "image_to_image"])
const starterImage = model("starter-image", "sdxl", pictures, { uses: ["strength"] })
const starterText = model("starter-text", "causal-lm", ["text"])
const edit = model("firered", "qwen-image-edit", ["edit", "image_to_image"], { on: ["cuda"], uses: ["steps", "cfg"] })
const sdxl = model("sdxl", "sdxl", pictures, { on: ["cuda", "cpu"], uses: ["strength"] })
const noop = model("noop", "noop", ["edit", ...pictures, "text"], { on: ["cuda", "cpu"] })
const names = (manifests: ReadonlyArray<ModelManifest>) => manifests.map(({ name }) => name)

describe("which models are served", () => {
  const all = [edit, noop, sdxl, starter]
  it("those with a variant for what agents run on; test models only when asked for", () => {
    assert.deepStrictEqual(names(servable(all, { testModels: false, device: "cpu" })), ["sdxl", "starter"])
    assert.deepStrictEqual(names(servable(all, { testModels: false, device: "cuda" })), ["firered", "sdxl"])
    assert.deepStrictEqual(names(servable(all, { testModels: false, device: "auto" })), ["firered", "sdxl", "starter"])
    assert.deepStrictEqual(names(servable(all, { testModels: true, device: "cpu" })), ["noop", "sdxl", "starter"])
  })
})

describe("a model that is larger than the machine", () => {
  it("is told by its variant for the CPU; of a GPU nothing is known here", () => {
    assert.isTrue(fits(starter, "cpu", 1))
    assert.isFalse(fits(starter, "cpu", 0))
    assert.isTrue(fits(starter, "cuda", 0))
  })
  it("is not the one that is loaded at the start", () =>
    assert.deepStrictEqual(inPoolOrder([edit, starter], ({ name }) => name !== "firered"), ["starter", "firered"]))
})

describe("the model of a kind that was not named", () => {
  it("is a starter where nothing else is: every route is served by the three that ship", () => {
    assert.deepStrictEqual(defaultsOf([starter, starterImage, starterText]), {
      edit: "starter",
      image_to_image: "starter",
      text_to_image: "starter-image",
      frames: "starter-image",
      text: "starter-text"
    })
  })
  it("is a real one where there is one, of two the one that heeds more of the request", () => {
    assert.deepStrictEqual(defaultsOf([edit, sdxl, starter, starterImage, starterText]), {
      edit: "firered",
      image_to_image: "sdxl",
      text_to_image: "sdxl",
      frames: "sdxl",
      text: "starter-text"
    })
  })
  it("is nothing where none can do it, and the test model when that was asked for", () => {
    assert.deepStrictEqual(defaultsOf([starter]), { edit: "starter", image_to_image: "starter" })
    assert.strictEqual(defaultsOf([noop, sdxl, starter]).text_to_image, "noop")
  })
})

describe("the pool's list", () => {
  it("begins with the model that edits, which is loaded at the start", () => {
    assert.deepStrictEqual(inPoolOrder([edit, sdxl, starter]), ["firered", "sdxl", "starter"])
    assert.deepStrictEqual(inPoolOrder([sdxl, starter, starterText]), ["starter", "sdxl", "starter-text"])
    assert.deepStrictEqual(inPoolOrder([sdxl]), ["sdxl"])
  })
  it("gains what was installed and loses what was removed, in its order", () => {
    assert.deepStrictEqual(updatedList(["starter"], ["starter", "sdxl"], ["starter"]), ["starter", "sdxl"])
    assert.deepStrictEqual(updatedList(["sdxl", "starter"], ["starter"], ["sdxl", "starter"]), ["starter"])
    assert.deepStrictEqual(updatedList(["starter"], ["starter-text", "starter"], undefined), ["starter", "starter-text"])
  })
  it("keeps what a person took out or put in", () => {
    assert.deepStrictEqual(updatedList(["starter"], ["starter", "sdxl"], ["starter", "sdxl"]), ["starter"])
    assert.deepStrictEqual(updatedList(["starter", "mine"], ["starter"], ["starter"]), ["starter", "mine"])
  })
})
