import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { readNpy } from "../../../testing/npy.ts"
import { guide } from "./guidance.ts"
import { denormalise, normalise, pack, unpack } from "./latents.ts"
import { type Grid, smartResize } from "./processor.ts"
import { expandImages, promptText, ropePositions } from "./prompt.ts"
import { imageRope, type LatentGrid, textRope } from "./rope.ts"
import { eulerStep, shiftOf, sigmasOf } from "./schedule.ts"
import { calculateDimensions, outputSize, sizeFor, sizeProblem } from "./size.ts"
import { gatherRows, scatterRows, visionLayout, visionRope } from "./vision.ts"

/** What needs no weights, at the real model's sizes, against diffusers and transformers: scripts/export/tiny/qwen_image_edit_parts.py. */

const golden = fileURLToPath(new URL("../../../../test/fixtures/golden/qwen-image-edit/", import.meta.url))
const floats = (name: string) => readNpy(`${golden}${name}.npy`).data as Float32Array
const parts = JSON.parse(readFileSync(`${golden}parts.json`, "utf8")) as {
  readonly sizes: ReadonlyArray<{
    readonly width: number
    readonly height: number
    readonly vae: readonly [number, number]
    readonly condition: readonly [number, number]
    readonly smart: readonly [number, number] | null
  }>
  readonly schedules: ReadonlyArray<{
    readonly schedule: "base" | "lightning"
    readonly steps: number
    readonly tokens: number
    readonly mu: number
    readonly sigmas: ReadonlyArray<number>
  }>
  readonly windows: ReadonlyArray<{
    readonly grids: ReadonlyArray<readonly [number, number, number]>
    readonly index: ReadonlyArray<number>
    readonly bounds: ReadonlyArray<number>
    readonly positions: ReadonlyArray<readonly [number, number]>
  }>
  readonly rope: { readonly shapes: ReadonlyArray<ReadonlyArray<readonly [number, number, number]>>; readonly text_tokens: number }
}

const areas = { condition: 384 * 384, vae: 1024 * 1024 }
const processor = {
  patch_size: 14,
  temporal_patch_size: 2,
  merge_size: 2,
  pixels_min: 56 * 56,
  pixels_max: 28 * 28 * 1280,
  mean: [0, 0, 0],
  std: [1, 1, 1]
} as const
const vision = { window_size: 112, head_size: 80, rope_theta: 10_000 }
const transformer = { rope_axes: [16, 56, 56], rope_theta: 10_000, blocks: 60, inner_size: 3072 } as const
const ln3 = Math.log(3)
const schedulers = {
  base: { base_image_tokens: 256, max_image_tokens: 8192, base_shift: 0.5, max_shift: 0.9, shift_terminal: 0.02 },
  lightning: { base_image_tokens: 256, max_image_tokens: 8192, base_shift: ln3, max_shift: ln3, shift_terminal: null }
}

const near = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
  assert.strictEqual(actual.length, expected.length)
  for (let i = 0; i < actual.length; i++) assert.approximately(actual[i]!, expected[i]!, tolerance, `value ${i}`)
}
const gridOf = ([, rows, columns]: readonly [number, number, number]): Grid => ({ rows, columns })

describe("sizes", () => {
  for (const { condition, height, smart, vae, width } of parts.sizes) {
    it(`${width}x${height} is edited at ${vae.join("x")}`, () => {
      const size = { width, height }
      assert.deepStrictEqual(sizeFor(size, areas.vae), { width: vae[0], height: vae[1] })
      assert.deepStrictEqual(sizeFor(size, areas.condition), { width: condition[0], height: condition[1] })
      if (smart !== null) assert.deepStrictEqual(smartResize(size, processor), { width: smart[1], height: smart[0] })
    })
  }
  it("round halves to even: 48 pixels are 1.5 times 32, and so are 80", () => {
    assert.deepStrictEqual([48, 80].map((side) => calculateDimensions(side * side, 1).width), [64, 64])
  })
  it("the last picture gives the output's", () => {
    const images = [{ width: 100, height: 900 }, { width: 1920, height: 1080 }]
    assert.deepStrictEqual(outputSize(images, areas.vae, 8), { width: 1376, height: 768 })
  })
  it("a ratio beyond 200 is a problem, 200 is none", () => {
    assert.include(sizeProblem({ width: 2001, height: 10 }, areas), "2001x10")
    assert.include(sizeProblem({ width: 10, height: 2001 }, areas), "10x2001")
    assert.isUndefined(sizeProblem({ width: 2000, height: 10 }, areas))
    assert.include(sizeProblem({ width: 100, height: 1 }, { condition: 64 * 64, vae: 64 * 64 }), "too long and narrow")
  })
})

describe("the schedule", () => {
  for (const { mu, schedule, sigmas, steps, tokens } of parts.schedules) {
    it(`${schedule}, ${steps} steps, ${tokens} tokens is diffusers'`, () => {
      assert.approximately(shiftOf(tokens, schedulers[schedule]), mu, 1e-12)
      near(sigmasOf(steps, tokens, schedulers[schedule]), sigmas, 3e-7)
    })
  }
  it("has the published noise levels", () => {
    near(sigmasOf(8, 4096, schedulers.lightning), [1, 0.954545, 0.9, 0.833333, 0.75, 0.642857, 0.5, 0.3, 0], 1e-6)
    near(sigmasOf(4, 4096, schedulers.lightning), [1, 0.9, 0.75, 0.5, 0], 1e-6)
    near(sigmasOf(8, 4096, schedulers.base), [1, 0.916024, 0.820046, 0.709295, 0.580075, 0.427347, 0.244054, 0.02, 0], 1e-6)
    assert.approximately(shiftOf(4096, schedulers.base), 0.693548, 1e-6)
  })
  it("a step goes as far as the noise level falls", () => {
    near(eulerStep(Float32Array.of(1, -2), Float32Array.of(4, 8), 0.75, 0.5), [0, -4], 1e-6)
  })
})

describe("windows of the vision tower", () => {
  for (const { bounds, grids, index, positions } of parts.windows) {
    it(grids.map((grid) => grid.join("x")).join(" and "), () => {
      const layout = visionLayout(grids.map(gridOf), processor, vision)
      assert.deepStrictEqual(layout.windowIndex, index)
      // A window ends where its id does.
      const ends = layout.windowIds.flatMap((id, i) => (layout.windowIds[i + 1] === id ? [] : [i + 1]))
      assert.deepStrictEqual([0, ...ends], bounds)
      const inWindows = index.flatMap((merged) => [0, 1, 2, 3].map((patch) => positions[merged * 4 + patch]!))
      assert.deepStrictEqual(layout.positions.map(({ column, row }) => [row, column]), inWindows.map((position) => [...position]))
      assert.deepStrictEqual([...new Set(layout.imageIds)], grids.map((_, i) => i))
      assert.deepStrictEqual(grids.map((_, i) => layout.imageIds.filter((id) => id === i).length), grids.map(([, rows, columns]) => rows * columns))
    })
  }
  it("have the angles of rows and columns", () => {
    const order = visionLayout([{ rows: 4, columns: 6 }], processor, { ...vision, window_size: 1_000 }).positions
    const { cos, sin } = visionRope(order, vision)
    near(Float32Array.of(...cos, ...sin), floats("vision_rope"), 2e-6)
  })
  it("gathering and scattering are each other's inverse", () => {
    const rows = Float32Array.of(0, 1, 10, 11, 20, 21)
    assert.deepStrictEqual([...gatherRows(rows, 2, [2, 0, 1])], [20, 21, 0, 1, 10, 11])
    assert.deepStrictEqual(scatterRows(gatherRows(rows, 2, [2, 0, 1]), 2, [2, 0, 1]), rows)
  })
})

describe("rotary tables of the transformer", () => {
  it("are diffusers', with rows and columns counted from the middle", () => {
    const expected = floats("rope")
    let at = 0
    for (const shapes of parts.rope.shapes) {
      const grids: ReadonlyArray<LatentGrid> = shapes.map(gridOf)
      for (const { cos, sin } of [imageRope(grids, transformer), textRope(parts.rope.text_tokens, grids, transformer)]) {
        const pairs = Float32Array.from({ length: cos.length * 2 }, (_, i) => (i % 2 === 0 ? cos : sin)[i >> 1]!)
        near(pairs, expected.subarray(at, at + pairs.length), 2e-6)
        at += pairs.length
      }
    }
    assert.strictEqual(at, expected.length)
  })
})

describe("the prompt", () => {
  it("numbers the pictures before the words", () => {
    const text = promptText("swap them", 2)
    const picture = "<|vision_start|><|image_pad|><|vision_end|>"
    assert.include(text, `<|im_start|>user\nPicture 1: ${picture}Picture 2: ${picture}swap them<|im_end|>\n<|im_start|>assistant\n`)
  })
  it("gives each picture its tokens, and them their places in it", () => {
    const tokens = expandImages([7, 9, 8, 9, 7], 9, [6, 2])
    assert.deepStrictEqual(tokens, [7, 9, 9, 9, 9, 9, 9, 8, 9, 9, 7])
    const [time, row, column] = ropePositions(tokens, 9, [{ rows: 2, columns: 3 }, { rows: 2, columns: 1 }])
    assert.deepStrictEqual(time, [0, 1, 1, 1, 1, 1, 1, 4, 5, 5, 7])
    assert.deepStrictEqual(row, [0, 1, 1, 1, 2, 2, 2, 4, 5, 6, 7])
    assert.deepStrictEqual(column, [0, 1, 2, 3, 1, 2, 3, 4, 5, 5, 7])
  })
})

describe("latents", () => {
  const shape = { channels: 2, rows: 2, columns: 4 }
  const latents = Float32Array.from({ length: 16 }, (_, i) => i)
  it("are packed four to a token, channel after channel", () => {
    assert.deepStrictEqual([...pack(latents, shape)], [0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15])
    assert.deepStrictEqual(unpack(pack(latents, shape), shape), latents)
  })
  it("are normalised by their channel", () => {
    const vae = { scale: 8, base_size: 96, mean: [1, 8], std: [2, 4] }
    const normal = normalise(latents, vae)
    assert.deepStrictEqual([normal[0], normal[7], normal[8], normal[15]], [-0.5, 3, 0, 1.75])
    assert.deepStrictEqual(denormalise(normal, vae), latents)
  })
})

describe("guidance", () => {
  it("changes the direction of a token and not its length", () => {
    const guided = guide(Float32Array.of(3, 4, 0, 2), Float32Array.of(3, 0, 0, 1), 2, 2)
    // (3, 8) brought to length 5, (0, 3) to length 2.
    near(guided, [15 / Math.sqrt(73), 40 / Math.sqrt(73), 0, 2], 1e-6)
  })
  it("of scale 1 gives the wanted prediction", () => {
    near(guide(Float32Array.of(3, 4), Float32Array.of(9, 9), 1, 2), [3, 4], 1e-6)
  })
})
