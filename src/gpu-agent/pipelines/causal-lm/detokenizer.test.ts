import { assert, describe, it } from "@effect/vitest"
import { makeDetokenizer } from "./detokenizer.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

/** A tokenizer whose tokens are these bytes, in order. */
const detokenize = (tokens: ReadonlyArray<Uint8Array>, startsWithSpace = false) => {
  const detokenizer = makeDetokenizer({ bytesOf: (id) => tokens[id]!, startsWithSpace })
  return tokens.map((_, id) => detokenizer.write([id]))
}

/** The characters that are whole after so many bytes. */
const wholeAfter = (text: string, count: number): string => {
  let whole = ""
  for (const character of text) {
    if (bytes(whole + character).length > count) break
    whole += character
  }
  return whole
}

const text = "aé 漢字😀b👩‍👧🇩🇪"
const all = bytes(text)
const parts = (...cuts: ReadonlyArray<number>) => [0, ...cuts].map((from, i) => all.subarray(from, cuts[i] ?? all.length))

describe("text of tokens", () => {
  it("has no half characters, wherever it is cut in three", () => {
    for (let first = 0; first <= all.length; first++) {
      for (let second = first; second <= all.length; second++) {
        const heard = detokenize(parts(first, second))
        assert.deepStrictEqual(heard, [wholeAfter(text, first), wholeAfter(text, second), text], `${first}, ${second}`)
      }
    }
  })
  it("comes with a character's last byte, one byte a token", () =>
    assert.deepStrictEqual(detokenize(parts(...Array.from(all.keys()).slice(1))), Array.from(all.keys(), (i) => wholeAfter(text, i + 1))))
  it("is the same, however many tokens come at once", () => {
    const tokens = parts(3, 7, 8, 11, 20)
    const detokenizer = makeDetokenizer({ bytesOf: (id) => tokens[id]!, startsWithSpace: false })
    assert.strictEqual(detokenizer.write([0, 1, 2]), wholeAfter(text, 8))
    assert.strictEqual(detokenizer.write([3, 4, 5]), text)
  })
  it("has U+FFFD for what is no UTF-8, once it is sure, and goes on after it", () => {
    assert.deepStrictEqual(detokenize([Uint8Array.of(0xf0, 0x9f), bytes("a"), Uint8Array.of(0x80), bytes("b")]), ["", "\ufffda", "\ufffda\ufffd", "\ufffda\ufffdb"])
  })
  it("leaves out a character that the end cuts off", () => assert.strictEqual(detokenize([bytes("a"), Uint8Array.of(0xf0, 0x9f, 0x98)]).at(-1), "a"))
  it("drops the one space that SentencePiece begins a text with", () => {
    assert.deepStrictEqual(detokenize([bytes(" a"), bytes(" b")], true), ["a", "a b"])
    assert.deepStrictEqual(detokenize([bytes(""), bytes(" "), bytes(" a")], true), ["", "", " a"])
    assert.deepStrictEqual(detokenize([bytes("a"), bytes(" b")], true), ["a", "a b"])
    assert.deepStrictEqual(detokenize([bytes(" a")]), [" a"])
  })
  it("keeps a byte order mark", () => assert.deepStrictEqual(detokenize([bytes("\ufeffa")]), ["\ufeffa"]))
})
