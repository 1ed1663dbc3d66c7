import { assert, describe, it } from "@effect/vitest"
import { tokenScheme } from "./tokenBytes.ts"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("bytes of a token", () => {
  it("of SentencePiece are its letters, a space for ▁, or the byte that it names", () => {
    const { bytesOf, startsWithSpace } = tokenScheme({ decoder: { type: "Sequence", decoders: [{ type: "Replace" }, { type: "ByteFallback" }] } })
    assert.isTrue(startsWithSpace)
    assert.strictEqual(text(bytesOf("▁naïve")), " naïve")
    assert.deepStrictEqual([...bytesOf("<0xE2>")], [0xe2])
    assert.strictEqual(text(bytesOf("<0xE2")), "<0xE2")
  })
  it("of byte-level BPE are those that its letters stand for", () => {
    const { bytesOf, startsWithSpace } = tokenScheme({ decoder: { type: "Sequence", decoders: [{ type: "ByteLevel" }] } })
    assert.isFalse(startsWithSpace)
    assert.strictEqual(text(bytesOf("Ġhello!")), " hello!")
    assert.strictEqual(text(bytesOf("ðŁĺĢ")), "😀")
    assert.deepStrictEqual([...bytesOf("Ċ")], [10])
  })
})
