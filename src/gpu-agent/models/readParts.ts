import { open } from "node:fs/promises"

/** Pieces of a file, in the order asked for. Rejects when the file is shorter. */
export const readParts = async (
  path: string,
  parts: ReadonlyArray<{ readonly offset: number; readonly bytes: number }>
): Promise<ReadonlyArray<Uint8Array>> => {
  const file = await open(path)
  try {
    const found: Array<Uint8Array> = []
    for (const { bytes, offset } of parts) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(bytes), 0, bytes, offset)
      if (bytesRead < bytes) throw new Error(`it ends before byte ${offset + bytes}`)
      found.push(buffer)
    }
    return found
  } finally {
    await file.close()
  }
}
