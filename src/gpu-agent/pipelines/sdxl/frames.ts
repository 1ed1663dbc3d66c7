import { noiseOf } from "../../noise/philox.ts"

/**
 * Frames that belong together: same words, and noise that moves in small steps from that of the seed towards that of the
 * next seed. The first frame is the picture that the seed gives alone.
 */

/** Along the great circle: noise keeps its length, and with it what the model was trained on. */
export const slerp = (from: Float32Array, to: Float32Array, t: number): Float32Array => {
  let dot = 0
  let fromSquares = 0
  let toSquares = 0
  for (let i = 0; i < from.length; i++) {
    dot += from[i]! * to[i]!
    fromSquares += from[i]! ** 2
    toSquares += to[i]! ** 2
  }
  const angle = Math.acos(Math.min(Math.max(dot / Math.sqrt(fromSquares * toSquares), -1), 1))
  const sine = Math.sin(angle)
  if (t === 0 || sine === 0) return from
  const a = Math.sin((1 - t) * angle) / sine
  const b = Math.sin(t * angle) / sine
  return from.map((value, i) => a * value + b * to[i]!)
}

export interface FrameNoise {
  /** Numbers a frame. */
  readonly count: number
  readonly frames: number
  /** From one frame to the next, as a part of the whole way; less where that many frames would go beyond its end. */
  readonly distance: number
}

export const frameNoises = (seed: number, { count, distance, frames }: FrameNoise): ReadonlyArray<Float32Array> => {
  const from = noiseOf(seed).normals(count)
  const to = noiseOf(seed + 1).normals(count)
  const step = frames > 1 ? Math.min(distance, 1 / (frames - 1)) : 0
  return Array.from({ length: frames }, (_, frame) => slerp(from, to, frame * step))
}
