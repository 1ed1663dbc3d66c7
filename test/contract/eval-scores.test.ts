import { assert, describe, it } from "@effect/vitest"
import { complementOf, grown, regionOf } from "../../bench/eval/region.ts"
import { difference, type Expectation, follows, type Picture } from "../../bench/eval/score.ts"

/** What scripts/eval says of an edit, on pictures whose right score is known. */

const size = { width: 40, height: 20 }
const all = new Uint8Array(size.width * size.height).fill(1)
const left = regionOf(size, [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]])

const picture = (colour: (x: number, y: number) => readonly [number, number, number]): Picture => ({
  ...size,
  data: Uint8Array.from(Array.from(all.keys()).flatMap((i) => colour(i % size.width, Math.floor(i / size.width))))
})

const stripes = picture((x) => (x % 2 === 0 ? [200, 120, 40] : [160, 90, 30]))
const mapped = (change: (rgb: readonly [number, number, number]) => readonly [number, number, number], part?: Uint8Array): Picture =>
  picture((x, y) => {
    const i = (y * size.width + x) * 3
    const rgb = [stripes.data[i]!, stripes.data[i + 1]!, stripes.data[i + 2]!] as const
    return part === undefined || part[i / 3] === 1 ? change(rgb) : rgb
  })
const add = (r: number, g: number, b: number) => mapped(([x, y, z]) => [x + r, y + g, z + b])

describe("regions", () => {
  it("are filled by the even-odd rule, holes taken out", () => {
    assert.strictEqual(left.reduce((sum, inside) => sum + inside, 0), 400)
    const holed = regionOf(size, [[[0, 0], [1, 0], [1, 1], [0, 1]]], [[[0.5, 0], [1, 0], [1, 1], [0.5, 1]]])
    assert.deepStrictEqual(holed, left)
    assert.deepStrictEqual(complementOf(complementOf(left)), left)
  })
  it("grow by whole pixels, in rows and columns", () => {
    const dot = new Uint8Array(size.width * size.height)
    dot[5 * size.width + 7] = 1
    const square = grown(dot, size, 2)
    assert.strictEqual(square.reduce((sum, inside) => sum + inside, 0), 25)
    for (const [x, y] of [[5, 3], [9, 7]] as const) assert.strictEqual(square[y * size.width + x], 1)
    assert.strictEqual(square[5 * size.width + 10], 0)
  })
})

describe("what was asked", () => {
  const grey = mapped(([r, g, b]) => { const y = Math.round(0.2126 * r + 0.7152 * g + 0.0722 * b); return [y, y, y] })
  const flat = mapped(() => [180, 105, 35])
  const done: ReadonlyArray<readonly [Expectation, Picture]> = [
    [{ is: "colour", hue: 225 }, mapped(([r, g, b]) => [b, g, r])],
    [{ is: "brighter" }, add(30, 30, 30)],
    [{ is: "darker" }, add(-25, -25, -25)],
    [{ is: "warmer" }, add(20, 0, -20)],
    [{ is: "cooler" }, add(-20, 0, 20)],
    [{ is: "greyer" }, grey],
    [{ is: "more vivid" }, mapped(([r, g, b]) => [r + 30, g, b - 30])],
    [{ is: "blurred" }, flat],
    [{ is: "sharper" }, mapped(([r, g, b]) => (r === 200 ? [r + 20, g + 12, b + 4] : [r - 20, g - 12, b - 4]))],
    [{ is: "inverted" }, mapped(([r, g, b]) => [255 - r, 255 - g, 255 - b])]
  ]
  for (const [expected, after] of done) {
    it(`${expected.is}: an untouched photo scores 0, the edit 1`, () => {
      assert.strictEqual(follows(stripes, stripes, all, expected), 0)
      assert.isAtLeast(follows(stripes, after, all, expected), 0.95)
    })
  }
  it("is not what the opposite does", () => {
    assert.strictEqual(follows(stripes, add(30, 30, 30), all, { is: "darker" }), 0)
    assert.strictEqual(follows(stripes, add(20, 0, -20), all, { is: "cooler" }), 0)
    assert.strictEqual(follows(stripes, grey, all, { is: "colour", hue: 225 }), 0)
  })
  it("is measured in its region alone", () => {
    const leftBlue = mapped(([r, g, b]) => [b, g, r], left)
    assert.strictEqual(follows(stripes, leftBlue, left, { is: "colour", hue: 225 }), 1)
    assert.strictEqual(follows(stripes, leftBlue, complementOf(left), { is: "colour", hue: 225 }), 0)
    assert.strictEqual(difference(stripes, leftBlue, complementOf(left)), 0)
    assert.isAbove(difference(stripes, leftBlue, left), 80)
  })
})
