/** The starter's input form of an instruction; what the words mean is only in the weights. */

const wordsMax = 32
const bytesPerWord = 16

/**
 * Lower-case words of letters, digits and apostrophes, `&` and `->`: at most 32, none ⇒ `?`. A word is its first 16
 * bytes, padded with zeros. Returns `words × 16` values, row by row.
 */
export const tokenise = (instruction: string): { readonly data: BigInt64Array<ArrayBuffer>; readonly words: number } => {
  const matches = instruction.toLowerCase().match(/[a-z0-9']+|&|->/g) ?? ["?"]
  const words = matches.slice(0, wordsMax)
  const data = new BigInt64Array(words.length * bytesPerWord)
  words.forEach((word, row) => {
    for (let i = 0; i < Math.min(word.length, bytesPerWord); i++) data[row * bytesPerWord + i] = BigInt(word.charCodeAt(i))
  })
  return { data, words: words.length }
}
