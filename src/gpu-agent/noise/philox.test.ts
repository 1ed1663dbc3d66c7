import { assert, describe, it } from "@effect/vitest"
import { noiseOf, philox4x32 } from "./philox.ts"

const hex = (words: ReadonlyArray<number>) => words.map((word) => word.toString(16).padStart(8, "0")).join(" ")

describe("Philox4x32-10", () => {
  // The known answers of Random123 (kat_vectors).
  it("gives the published answers", () => {
    assert.strictEqual(hex(philox4x32([0, 0, 0, 0], [0, 0])), "6627e8d5 e169c58d bc57ac4c 9b00dbd8")
    const ones = 0xffffffff
    assert.strictEqual(hex(philox4x32([ones, ones, ones, ones], [ones, ones])), "408f276d 41c83b0e a20bc7c6 6d5451fd")
    assert.strictEqual(
      hex(philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])),
      "d16cfe09 94fdcceb 5001e420 24126ea1"
    )
  })
})

describe("noise", () => {
  // What torch prints for torch.manual_seed(0); torch.randn(12, device="cuda").
  it("is torch's on CUDA", () => {
    const expected = [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284, -1.0745, -0.3631, -1.6711, 2.2655]
    noiseOf(0).normals(12).forEach((value, i) => assert.approximately(value, expected[i]!, 6e-5))
  })
  it("goes on where it ended, and is another for another seed", () => {
    const noise = noiseOf(7)
    const first = noise.normals(4)
    assert.notDeepEqual(noise.normals(4), first)
    assert.deepStrictEqual(noiseOf(7).normals(4), first)
    assert.notDeepEqual(noiseOf(8).normals(4), first)
    assert.notDeepEqual(noiseOf(7 + 2 ** 32).normals(4), first)
  })
  it("has the mean and the spread of the normal distribution", () => {
    const values = noiseOf(3).normals(65_536)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    assert.isBelow(Math.abs(mean), 0.02)
    assert.approximately(variance, 1, 0.03)
  })
})
