import { assert, describe, it } from "@effect/vitest"
import { noiseOf } from "../../noise/philox.ts"
import { frameNoises, slerp } from "./frames.ts"

const count = 4096
const lengthOf = (values: Float32Array) => Math.hypot(...values)
const cosine = (left: Float32Array, right: Float32Array) =>
  left.reduce((sum, value, i) => sum + value * right[i]!, 0) / (lengthOf(left) * lengthOf(right))

describe("slerp", () => {
  it("goes along the circle at even speed", () => {
    const quarter = [0, 0.25, 0.5, 1].map((t) => slerp(Float32Array.of(1, 0), Float32Array.of(0, 1), t))
    ;[0, Math.PI / 8, Math.PI / 4, Math.PI / 2].forEach((angle, i) => {
      assert.approximately(quarter[i]![0]!, Math.cos(angle), 1e-6)
      assert.approximately(quarter[i]![1]!, Math.sin(angle), 1e-6)
    })
  })
  it("of equal ends stays there", () => assert.deepStrictEqual(slerp(Float32Array.of(1, 2), Float32Array.of(1, 2), 0.5), Float32Array.of(1, 2)))
})

describe("the noise of frames", () => {
  const noises = frameNoises(9, { count, frames: 4, distance: 0.1 })
  it("begins with the seed's", () => assert.deepStrictEqual(noises[0], noiseOf(9).normals(count)))
  it("keeps its strength, and moves on by the same little each time", () => {
    const steps = noises.slice(1).map((noise, i) => Math.acos(cosine(noises[i]!, noise)))
    for (const step of steps) assert.approximately(step, steps[0]!, 1e-3)
    assert.approximately(steps[0]!, 0.1 * Math.PI / 2, 0.01)
    for (const noise of noises) assert.approximately(lengthOf(noise) / Math.sqrt(count), 1, 0.03)
  })
  it("ends at the next seed's where there are many", () => {
    const many = frameNoises(9, { count, frames: 16, distance: 0.1 })
    assert.approximately(cosine(many.at(-1)!, noiseOf(10).normals(count)), 1, 1e-6)
  })
  it("of one frame is the seed's", () => assert.deepStrictEqual(frameNoises(9, { count, frames: 1, distance: 0.1 }), [noises[0]!]))
})
