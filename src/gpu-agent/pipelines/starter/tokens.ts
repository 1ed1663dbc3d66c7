/** The starter's input form of an instruction; what the words mean is only in the weights. */

const wordsMax = 48
const bytesPerWord = 16
const pattern = /[a-z0-9']+|->|[.,;:]+|[&+%>=/?]|-(?![a-z])/g

/** Typographic marks as the plain ones that the model knows; a new line parts two requests like a semicolon. */
const plain = (text: string) =>
  text.replace(/[\u2018\u2019]/g, "'").replace(/\u2192/g, "->").replace(/[\u2013\u2014]/g, "-").replace(/\n/g, ";")

/**
 * Lower-case words of letters, digits and apostrophes, and the marks that part, point or sign (`, ; : -> > + - %` …): at
 * most 48, none ⇒ `?`. A word is its first 16 bytes, padded with zeros. Returns `words × 16` values, row by row.
 */
export const tokenise = (instruction: string): { readonly data: BigInt64Array<ArrayBuffer>; readonly words: number } => {
  const matches = plain(instruction.toLowerCase()).match(pattern) ?? ["?"]
  const words = matches.slice(0, wordsMax)
  const data = new BigInt64Array(words.length * bytesPerWord)
  words.forEach((word, row) => {
    for (let i = 0; i < Math.min(word.length, bytesPerWord); i++) data[row * bytesPerWord + i] = BigInt(word.charCodeAt(i))
  })
  return { data, words: words.length }
}
