import { readFileSync } from "node:fs"

export interface NpyArray {
  readonly shape: ReadonlyArray<number>
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array
}

/** Reads an array that `numpy.save` wrote: little-endian `<f4`, `<i8`, `<i4` or `|u1`, in C order. */
export const readNpy = (path: string): NpyArray => {
  const file = readFileSync(path)
  const headerBytes = file.readUInt16LE(8)
  const header = file.toString("latin1", 10, 10 + headerBytes)
  const type = /'descr': '([^']+)'/.exec(header)?.[1]
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").split(",").filter((part) => part.trim() !== "").map(Number)
  if (!header.includes("'fortran_order': False")) throw new Error(`${path} is not in C order`)
  const bytes = new Uint8Array(file.subarray(10 + headerBytes)).buffer
  switch (type) {
    case "<f4":
      return { shape, data: new Float32Array(bytes) }
    case "<i8":
      return { shape, data: new BigInt64Array(bytes) }
    case "<i4":
      return { shape, data: new Int32Array(bytes) }
    case "|u1":
      return { shape, data: new Uint8Array(bytes) }
    default:
      throw new Error(`${path} has elements of type ${type}; known are <f4, <i8, <i4, |u1`)
  }
}
