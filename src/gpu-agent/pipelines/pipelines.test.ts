import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { pathOf, tinyGraphs } from "../onnx/writeTinyGraphs.ts"
import { parseDirections } from "./noop/directions.ts"
import { warningsOf } from "./starter/outcome.ts"
import { tokenise } from "./starter/tokens.ts"

describe("tiny graphs", () => {
  for (const [name, content] of Object.entries(tinyGraphs)) {
    it(`${name} is what its script writes`, () => assert.deepStrictEqual(new Uint8Array(readFileSync(pathOf(name))), content))
  }
})

describe("directions of the test model", () => {
  it("reads its words anywhere in the prompt", () => {
    assert.deepStrictEqual(parseDirections("make it odd steps=8 ms=50\nsize=64x32 input=2 fail_at=2 hang_at=3 crash_at=4 invalid_at=6"), {
      steps: 8,
      msPerStep: 50,
      size: { width: 64, height: 32 },
      input: 2,
      at: { fail: 2, hang: 3, crash: 4, invalid: 6 }
    })
  })
  it("ignores everything else", () => {
    assert.deepStrictEqual(parseDirections("steps=two ms=-1 size=0x999999 make the sky = blue"), {
      steps: undefined,
      msPerStep: 0,
      size: undefined,
      input: 1,
      at: { fail: undefined, hang: undefined, crash: undefined, invalid: undefined }
    })
  })
})

const wordsOf = (instruction: string) => {
  const { data, words } = tokenise(instruction)
  assert.strictEqual(data.length, words * 16)
  return Array.from({ length: words }, (_, row) =>
    String.fromCharCode(...[...data.subarray(row * 16, row * 16 + 16)].map(Number)).replaceAll("\0", ""))
}

describe("the starter's tokens", () => {
  it("are lower-case words and marks", () =>
    assert.deepStrictEqual(wordsOf("Make it Warmer & don't -> 2x, déjà-vu!"), ["make", "it", "warmer", "&", "don't", "->", "2x", ",", "d", "j", "vu"]))
  it("tell a sign and a dash from a hyphen", () =>
    assert.deepStrictEqual(wordsOf("washed-out... sky - darker; contrast -10%"), ["washed", "out", "...", "sky", "-", "darker", ";", "contrast", "-", "10", "%"]))
  it("read typographic marks as plain ones", () =>
    assert.deepStrictEqual(wordsOf("don\u2019t\nred \u2192 blue \u2013 now?"), ["don't", ";", "red", "->", "blue", "-", "now", "?"]))
  it("are ? for an instruction without words", () => assert.deepStrictEqual(wordsOf("…!"), ["?"]))
  it("are at most 48 of 16 bytes", () => {
    assert.deepStrictEqual(wordsOf("abcdefghijklmnopqrstuvwxyz"), ["abcdefghijklmnop"])
    assert.strictEqual(wordsOf("a ".repeat(50)).length, 48)
  })
})

describe("the starter's warnings", () => {
  const names = { edits: ["brightness", "tint"], looks: ["golden hour"] }
  it("say nothing about an edited photo", () =>
    assert.deepStrictEqual(warningsOf({ ...names, gates: [1, 0, 0], unchanged: false }), []))
  it("name what the model knows when it recognised nothing", () => {
    const [warning] = warningsOf({ ...names, gates: [0, 0, 1], unchanged: true })
    assert.include(warning, "the photo is unchanged. It knows: brightness, tint, golden hour.")
  })
  it("name what was recognised and found nothing to change", () => {
    const [warning] = warningsOf({ ...names, gates: [0, 0.5, 0], unchanged: true })
    assert.include(warning, "read as tint")
  })
})
