import { assert, describe, it } from "@effect/vitest"
import { applyStyle } from "./styles.ts"

const styles = {
  anime: { prompt: "anime artwork of {prompt}, {prompt}", negative_prompt: "photograph" },
  "oil-painting": { prompt: "oil painting of {prompt}", negative_prompt: "" }
}
const apply = (style: string | undefined, negativePrompt?: string, prompt = "a cat") => applyStyle({ prompt, negativePrompt, style }, styles)

describe("a style", () => {
  it("wraps the prompt and adds to the negative one", () => {
    assert.deepStrictEqual(apply("anime", "blurry"), { prompt: "anime artwork of a cat, a cat", negativePrompt: "blurry, photograph", warnings: [] })
    assert.strictEqual(apply("anime").negativePrompt, "photograph")
    assert.strictEqual(apply("anime", "").negativePrompt, "photograph")
  })
  it("without words of its own leaves no negative prompt where there was none", () => {
    assert.isUndefined(apply("oil-painting").negativePrompt)
    assert.strictEqual(apply("oil-painting", "").negativePrompt, "")
  })
  it("is found however it is written", () => {
    for (const name of ["oil-painting", " Oil Painting", "OIL_PAINTING"]) assert.strictEqual(apply(name).prompt, "oil painting of a cat")
  })
  it("that is none of the model's is put behind the prompt, and the model's are named", () => {
    const { negativePrompt, prompt, warnings } = apply("toString", "blurry")
    assert.strictEqual(prompt, "a cat, toString")
    assert.strictEqual(negativePrompt, "blurry")
    assert.include(warnings.join(), "anime, oil-painting")
  })
  it("that is absent or blank changes nothing", () => {
    for (const name of [undefined, "", "  "]) assert.deepStrictEqual(apply(name, "x"), { prompt: "a cat", negativePrompt: "x", warnings: [] })
  })
  it("takes the prompt as it is, whatever is in it", () => {
    assert.strictEqual(apply("oil-painting", undefined, "$& {prompt} $1").prompt, "oil painting of $& {prompt} $1")
  })
})
