import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { WatchLines } from "./watchLines.ts"

const bytes = (text: string) => Buffer.from(text)

const Cuts = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })))

describe("WatchLines", () => {
  it.prop("cuts lines in the same places wherever the chunks end", [Schema.Array(Schema.String), Cuts], ([texts, cuts]) => {
    const lines = texts.map((text) => text.replaceAll("\n", "")).filter((text) => text !== "")
    const all = bytes(lines.map((line) => `${line}\n`).join("") + "the rest")
    const splitter = new WatchLines(1_000)
    const found: Array<string> = []
    let at = 0
    for (let turn = 0; at < all.length; turn++) {
      const end = at + (cuts[turn % Math.max(1, cuts.length)] ?? 3)
      for (const line of splitter.push(all.subarray(at, end))) found.push("text" in line ? line.text : "(dropped)")
      at = end
    }
    assert.deepStrictEqual(found, lines.map((line) => bytes(line).toString("utf8")))
  })

  it("keeps nothing of a line that is too long, and goes on after it", () => {
    const splitter = new WatchLines(10)
    const lines = [...splitter.push(bytes("0123456789\nabcdef")), ...splitter.push(bytes("ghijk")), ...splitter.push(bytes("lm\nnext\nhalf"))]
    assert.deepStrictEqual(lines, [{ text: "0123456789" }, { droppedBytes: 13 }, { text: "next" }])
  })
})
