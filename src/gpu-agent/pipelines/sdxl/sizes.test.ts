import { assert, describe, it } from "@effect/vitest"
import { pictureSize } from "./sizes.ts"
import type { SdxlSettings } from "./settings.ts"

const settings = { native_area: 1024 * 1024, size_multiple: 8 } as SdxlSettings
const sizeOf = (width: number, height: number) => pictureSize({ width, height }, settings)

describe("the size of a picture", () => {
  it("is the one asked for where the model draws it", () => {
    for (const [width, height] of [[1024, 1024], [1344, 768], [256, 1536], [8, 8]] as const) {
      assert.deepStrictEqual(sizeOf(width, height), { drawn: { width, height }, given: { width, height }, warnings: [] })
    }
  })
  it("is cut down to multiples, but never to nothing, and says so", () => {
    const { given, warnings } = sizeOf(101, 7)
    assert.deepStrictEqual(given, { width: 96, height: 8 })
    assert.include(warnings[0], "96x8 instead of 101x7")
    assert.deepStrictEqual(sizeOf(1, 1).drawn, { width: 8, height: 8 })
  })
  it("is drawn at the model's area and in the same ratio where it is larger", () => {
    for (const [width, height] of [[1536, 1536], [1536, 1024], [4000, 3000], [1024, 1032]] as const) {
      const { drawn, given, warnings } = sizeOf(width, height)
      assert.deepStrictEqual(given, { width, height })
      assert.isAtMost(drawn.width * drawn.height, settings.native_area)
      assert.isAbove(drawn.width * drawn.height, settings.native_area * 0.97)
      assert.approximately(drawn.width / drawn.height, width / height, 0.02)
      assert.include(warnings[0], `Drawn at ${drawn.width}x${drawn.height}`)
    }
  })
  it("stays within the area however narrow it is", () => {
    const { drawn } = sizeOf(25_000_000, 8)
    assert.isAtMost(drawn.width * drawn.height, settings.native_area)
  })
})
