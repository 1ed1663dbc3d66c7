import { closeSync, openSync, readSync } from "node:fs"

/**
 * Pieces of a file, in the order asked for. Throws when the file is shorter. Without waiting in between: a job reads
 * hundreds of small rows, and the engine process has nothing else to do meanwhile.
 */
export const readParts = (
  path: string,
  parts: ReadonlyArray<{ readonly offset: number; readonly bytes: number }>
): ReadonlyArray<Uint8Array> => {
  const file = openSync(path, "r")
  try {
    return parts.map(({ bytes, offset }) => {
      const part = new Uint8Array(bytes)
      if (readSync(file, part, 0, bytes, offset) < bytes) throw new Error(`it ends before byte ${offset + bytes}`)
      return part
    })
  } finally {
    closeSync(file)
  }
}
