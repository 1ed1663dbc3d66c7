import { createHash, randomInt, timingSafeEqual } from "node:crypto"
import { crc32 } from "node:zlib"

/** The form of API keys: `dkr_`, 32 random base62 characters, 6 base62 characters of their CRC-32. */

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const prefix = "dkr_"
const randomChars = 32
const checksumChars = 6
const keyMinChars = 16
/** Longer keys cannot be ours or anybody's; hashing them would be work for nothing. */
const keyMaxChars = 512

/** Catches a mistyped key, and lets scanners recognise a leaked one, without asking the store. */
const checksum = (text: string): string => {
  let rest = crc32(text)
  let digits = ""
  for (let i = 0; i < checksumChars; i++) {
    digits = alphabet[rest % alphabet.length] + digits
    rest = Math.floor(rest / alphabet.length)
  }
  return digits
}

export const generateKey = (): string => {
  let random = ""
  for (let i = 0; i < randomChars; i++) random += alphabet[randomInt(alphabet.length)]
  return prefix + random + checksum(prefix + random)
}

/** What is wrong with a key before any look-up, naming the fix; undefined when nothing is. */
export const keyProblem = (key: string): string | undefined => {
  if (key.length < keyMinChars) {
    return `an API key needs at least ${keyMinChars} characters, this one has ${key.length}: make one with \`darkroom keys create\``
  }
  if (key.length > keyMaxChars) return `an API key has at most ${keyMaxChars} characters, this one has ${key.length}`
  if (!key.startsWith(prefix)) return undefined
  const body = key.slice(0, -checksumChars)
  const isOurs = key.length === prefix.length + randomChars + checksumChars && checksum(body) === key.slice(-checksumChars)
  return isOurs ? undefined : `a key that begins with ${prefix} carries a checksum, and this one's is wrong: copy the whole key again`
}

export const sha256Of = (key: string): string => createHash("sha256").update(key).digest("hex")

/** The id says nothing about the key: 64 bits of its hash. */
export const idOf = (sha256: string): string => sha256.slice(0, 16)

export const hashesEqual = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a, "hex"), Buffer.from(b, "hex")]
  return left.length === right.length && timingSafeEqual(left, right)
}
