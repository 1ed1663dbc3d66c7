import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { openSession, Tensor } from "../../src/gpu-agent/onnx/session.ts"
import { tokenise } from "../../src/gpu-agent/pipelines/starter/tokens.ts"
import { withZeroWeights } from "../../src/testing/zeroWeights.ts"

/**
 * What an instruction means is in the weights and nowhere else: with the same code and the weights zeroed, almost nothing
 * of what strangers wrote is followed. Looks (sepia, vintage, …) are left out: they are several edits at once.
 */

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const looks = new Set(["sepia", "vintage", "night", "golden_hour"])

const Line = Schema.fromJsonString(
  Schema.Struct({ text: Schema.String, edits: Schema.Array(Schema.Struct({ kind: Schema.String })) })
)

const instructions = ["a", "b", "c", "d"].flatMap((set) =>
  readFileSync(path(`scripts/train-starter/heldout/${set}.jsonl`), "utf8").trim().split("\n").map((line) =>
    Schema.decodeUnknownSync(Line)(line)
  )
).filter(({ edits }) => edits.every(({ kind }) => !looks.has(kind)))

const names = (JSON.parse(readFileSync(path("models/starter/model.json"), "utf8")) as { settings: { edits: Array<string> } })
  .settings.edits

const sideLength = 64
const image = () =>
  new Tensor("uint8", Uint8Array.from({ length: sideLength * sideLength * 3 }, (_, i) => (i * 7) % 256), [sideLength, sideLength, 3])

/** The share of instructions from which exactly the wanted kinds of edit are read. */
const shareFollowed = Effect.fnUntraced(function*(model: string) {
  const session = yield* openSession(model, { provider: "cpu", threads: 1 })
  let followed = 0
  for (const { edits, text } of instructions) {
    const { data, words } = tokenise(text)
    const { gates } = yield* session.run({
      image: image(),
      tokens: new Tensor("int64", data, [words, data.length / words]),
      seed: new Tensor("int64", BigInt64Array.of(0n), [])
    })
    const read = names.filter((_, i) => Number(gates?.data[i] ?? 0) > 0.5).sort()
    if (read.join() === [...new Set(edits.map(({ kind }) => kind))].sort().join()) followed++
  }
  return followed / instructions.length
}, Effect.scoped)

describe("the starter reads words with its weights only", () => {
  it.live("strangers' sentences are followed with them, and hardly any without", () =>
    Effect.gen(function*() {
      assert.isAbove(instructions.length, 100)
      const shipped = path("models/starter/model.onnx")
      assert.isAbove(yield* shareFollowed(shipped), 0.85)

      const dir = mkdtempSync(join(tmpdir(), "darkroom-zero-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(dir, { recursive: true, force: true })))
      const { model, zeroedBytes } = withZeroWeights(readFileSync(shipped))
      assert.isAbove(zeroedBytes, 1_000_000)
      writeFileSync(join(dir, "model.onnx"), model)
      assert.isBelow(yield* shareFollowed(join(dir, "model.onnx")), 0.2)
    }).pipe(Effect.scoped), 120_000)
})
