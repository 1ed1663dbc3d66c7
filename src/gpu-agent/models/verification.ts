import { Effect } from "effect"
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdir, readFile, realpath, rename, stat, writeFile } from "node:fs/promises"
import { join, sep } from "node:path"
import { pipeline } from "node:stream/promises"
import type { ModelFile } from "../../contract/ModelManifest.ts"

/**
 * Hashing 40 GB at every start would take a minute, so a file that was verified is remembered with its size and
 * times; a changed file is hashed again.
 */

const notes = "verified-models.json"

const readNotes = (cacheDir: string): Promise<Record<string, string>> =>
  readFile(join(cacheDir, notes), "utf8").then((text) => JSON.parse(text) as Record<string, string>).catch(() => ({}))

const changeNotes = async (cacheDir: string, change: (notes: Record<string, string>) => Record<string, string>): Promise<void> => {
  await mkdir(cacheDir, { recursive: true })
  const draft = join(cacheDir, `${notes}.${process.pid}`)
  await writeFile(draft, JSON.stringify(change(await readNotes(cacheDir)), undefined, 2))
  await rename(draft, join(cacheDir, notes))
}

/** Losing a note costs a hash, so a cache that cannot be written is no error. */
const writeNote = (cacheDir: string, path: string, note: string): Promise<void> =>
  changeNotes(cacheDir, (all) => ({ ...all, [path]: note })).catch(() => {})

/** After a folder got another name: its files are the same. */
export const moveNotes = (cacheDir: string, from: string, to: string): Effect.Effect<void> =>
  Effect.promise(() =>
    changeNotes(cacheDir, (all) =>
      Object.fromEntries(Object.entries(all).map(([path, note]) => [path.startsWith(from + sep) ? to + path.slice(from.length) : path, note]))
    ).catch(() => {})
  )

const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path, { highWaterMark: 4 * 1024 * 1024 }), hash)
  return hash.digest("hex")
}

/** Path and identity of a file that has the right place and size; a text when it has not. */
const locate = async (folder: string, file: ModelFile): Promise<{ readonly path: string; readonly note: string } | string> => {
  const root = await realpath(folder)
  const path = await realpath(join(folder, file.path)).catch(() => undefined)
  if (path === undefined) return "the file is missing; install the model again."
  if (!path.startsWith(root + sep)) return `it leads outside the model's folder, to ${path}.`
  const { ctimeMs, mtimeMs, size } = await stat(path)
  if (size !== file.bytes) return `it has ${size} bytes instead of ${file.bytes}; install the model again.`
  return { path, note: `${file.sha256} ${size} ${mtimeMs} ${ctimeMs}` }
}

export interface Sums {
  /** Where sums seen before are remembered. */
  readonly cacheDir: string
  /** `noted`: what is remembered is believed; `made`: every file is read; `skipped`: place and size alone. */
  readonly sums: "noted" | "made" | "skipped"
}

const check = async (folder: string, file: ModelFile, { cacheDir, sums }: Sums): Promise<string | undefined> => {
  const found = await locate(folder, file)
  if (typeof found === "string") return found
  const { note, path } = found
  if (sums === "skipped" || (sums === "noted" && (await readNotes(cacheDir))[path] === note)) return undefined
  const actual = await sha256Of(path)
  if (actual !== file.sha256) return `its sha256 is ${actual} instead of ${file.sha256}; install the model again.`
  await writeNote(cacheDir, path, note)
  return undefined
}

const readable = (attempt: () => Promise<string | undefined>): Effect.Effect<string | undefined> =>
  Effect.tryPromise(attempt).pipe(
    Effect.catch(({ cause }) => Effect.succeed(`it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`))
  )

/** `undefined` when the file is the one that the manifest names, else what is wrong with it. */
export const isVerified = (folder: string, file: ModelFile, sums: Sums): Effect.Effect<string | undefined> =>
  readable(() => check(folder, file, sums))

/** Whether the file's sum was found right before, and the file is unchanged since. */
export const isNoted = (folder: string, file: ModelFile, cacheDir: string): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    const found = await locate(folder, file).catch(() => "unreadable")
    return typeof found !== "string" && (await readNotes(cacheDir))[found.path] === found.note
  })
