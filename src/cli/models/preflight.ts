import { Effect } from "effect"
import { existsSync, readdirSync, statfsSync, statSync } from "node:fs"
import { availableMemory } from "node:process"
import { dirname, join } from "node:path"
import type { KnownModel } from "../../contract/modelCatalogue.ts"
import { bytesText } from "./wording.ts"

/** Whether there is room, before anything is fetched. */

export interface Needs {
  readonly download_bytes: number
  readonly export_bytes: number
  readonly memory_bytes: number
}

/** Python's packages with PyTorch and its CUDA libraries on Linux: 6.1 GB once they are installed. */
export const environmentBytes = 7e9

const isWeights = (name: string): boolean => /\.(?:safetensors|bin|onnx|data|pt)$/.test(name)

const weightsIn = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sum + weightsIn(path)
    return isWeights(entry.name) && existsSync(path) ? sum + statSync(path).size : sum
  }, 0)

/** PyTorch itself, then the weights in float32 and the graph that is made of them. */
const baseMemoryBytes = 2e9
const memoryPerByte = 3

/** Of a local folder by its size; of a download by the catalogue. */
export const needsOf = (known: KnownModel | undefined, from: string | undefined): Needs => {
  if (from === undefined) return known?.estimate ?? { download_bytes: 0, export_bytes: 0, memory_bytes: 0 }
  const weights = weightsIn(from)
  return { download_bytes: 0, export_bytes: weights * 2, memory_bytes: baseMemoryBytes + weights * memoryPerByte }
}

const existing = (path: string): string => (existsSync(path) ? path : existing(dirname(path)))

interface Room {
  readonly path: string
  readonly device: number
  readonly freeBytes: number
}

const roomAt = (path: string): Room => {
  const at = existing(path)
  const { bavail, bsize } = statfsSync(at)
  return { path, device: statSync(at).dev, freeBytes: bavail * bsize }
}

const lack = (path: string, needed: number, free: number): ReadonlyArray<string> =>
  needed <= free ? [] : [`${path} has room for ${bytesText(free)}, and about ${bytesText(needed)} are needed`]

/** Pure. On one file system all needs add up. */
export const shortages = (needs: Needs & { readonly cache_bytes: number }, models: Room, cache: Room, memoryFreeBytes: number): ReadonlyArray<string> => {
  const inCache = needs.download_bytes + needs.cache_bytes
  const disk = models.device === cache.device
    ? lack(models.path, needs.export_bytes + inCache, models.freeBytes)
    : [...lack(models.path, needs.export_bytes, models.freeBytes), ...lack(cache.path, inCache, cache.freeBytes)]
  return needs.memory_bytes <= memoryFreeBytes
    ? disk
    : [...disk, `${bytesText(memoryFreeBytes)} of memory are free, and about ${bytesText(needs.memory_bytes)} are needed while the model is exported`]
}

/** What there is too little of on this machine. */
export const findShortages = (needs: Needs, environmentIsReady: boolean, modelsRoot: string, cacheDir: string) =>
  Effect.sync(() =>
    shortages({ ...needs, cache_bytes: environmentIsReady ? 0 : environmentBytes }, roomAt(modelsRoot), roomAt(cacheDir), availableMemory()))
