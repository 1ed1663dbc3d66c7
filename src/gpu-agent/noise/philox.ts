/**
 * Seeded noise: the generator of torch on CUDA, so that a seed gives the same picture on any agent, and the one that it
 * gives there. Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011) keyed by the seed, one
 * counter an element, and the first normal of cuRAND's Box-Muller. It agrees with torch as long as one element falls to
 * one GPU thread: on an H100 up to 270,336 elements a call, which holds for every latent here.
 */

const wordMax = 2 ** 32
const multiplierA = 0xd2511f53
const multiplierB = 0xcd9e8d57
const weylA = 0x9e3779b9
const weylB = 0xbb67ae85
const rounds = 10

/** High and low word of a product of two words. */
const highOf = (a: number, b: number): number => {
  const low = (a & 0xffff) * b
  const high = (a >>> 16) * b
  return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000) >>> 0
}

type Words = readonly [number, number, number, number]

export const philox4x32 = (counter: Words, key: readonly [number, number]): Words => {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < rounds; round++) {
    const h0 = highOf(multiplierA, c0)
    const l0 = Math.imul(multiplierA, c0) >>> 0
    const h1 = highOf(multiplierB, c2)
    const l1 = Math.imul(multiplierB, c2) >>> 0
    c0 = (h1 ^ c1 ^ k0) >>> 0
    c1 = l1
    c2 = (h0 ^ c3 ^ k1) >>> 0
    c3 = l0
    k0 = (k0 + weylA) >>> 0
    k1 = (k1 + weylB) >>> 0
  }
  return [c0, c1, c2, c3]
}

export interface Noise {
  /** The next `count` numbers of the standard normal distribution, as `torch.randn(count, device="cuda")` gives them. */
  readonly normals: (count: number) => Float32Array
  /** The next number in [0, 1). */
  readonly uniform: () => number
}

/** `seed`: a whole number from 0 to 2^53 - 1. Each call goes on where the one before ended, as with a `torch.Generator`. */
export const noiseOf = (seed: number): Noise => {
  const key = [seed % wordMax, Math.floor(seed / wordMax)] as const
  let calls = 0
  const wordsOf = (element: number) => philox4x32([calls, 0, element, 0], key)
  return {
    normals: (count) => {
      const out = new Float32Array(count)
      for (let element = 0; element < count; element++) {
        const [x, y] = wordsOf(element)
        const u = Math.fround(x / wordMax + 0.5 / wordMax)
        const v = Math.fround((2 * Math.PI * (y + 0.5)) / wordMax)
        out[element] = Math.sqrt(-2 * Math.log(u)) * Math.sin(v)
      }
      calls++
      return out
    },
    uniform: () => {
      const [x] = wordsOf(0)
      calls++
      return x / wordMax
    }
  }
}
