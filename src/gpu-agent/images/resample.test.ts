import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { readNpy } from "../../testing/npy.ts"
import { type ResampleFilter, resample } from "./resample.ts"
import { roundHalfEven } from "./roundHalfEven.ts"

/** Made by Pillow: scripts/export/tiny/resample.py. */
const golden = fileURLToPath(new URL("../../../test/fixtures/golden/resample/", import.meta.url))

interface Cases {
  readonly inputs: Readonly<Record<string, number>>
  readonly cases: ReadonlyArray<{
    readonly from: readonly [number, number]
    readonly to: readonly [number, number]
    readonly filter: ResampleFilter
    readonly offset: number
  }>
}

describe("resample", () => {
  const { cases, inputs } = JSON.parse(readFileSync(`${golden}cases.json`, "utf8")) as Cases
  const pixels = readNpy(`${golden}inputs.npy`).data as Uint8Array
  const resized = readNpy(`${golden}resized.npy`).data as Uint8Array
  for (const { filter, from: [width, height], offset, to } of cases) {
    it(`${filter} ${width}x${height} to ${to[0]}x${to[1]} is Pillow's`, () => {
      const start = inputs[`${width}x${height}`]!
      const image = { data: pixels.subarray(start, start + width * height * 3), width, height }
      const output = resample(image, to[0], to[1], filter)
      assert.deepInclude(output, { width: to[0], height: to[1] })
      assert.deepStrictEqual(Buffer.from(output.data), Buffer.from(resized.subarray(offset, offset + to[0] * to[1] * 3)))
    })
  }
})

describe("roundHalfEven", () => {
  it("rounds as Python does", () => {
    const values = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4999999999999996, 0.49999999999999994, 3.7, -3.2, 7]
    assert.deepStrictEqual(values.map((value) => roundHalfEven(value) + 0), [0, 2, 2, 0, -2, -2, 2, 0, 4, -3, 7])
  })
})
