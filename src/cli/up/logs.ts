import { existsSync, openSync, renameSync, statSync } from "node:fs"
import { join } from "node:path"
import type { Place } from "../place.ts"

/** Where a program's output goes. */
export interface ProgramLog {
  readonly path: string
  readonly fd: number
}

const logMaxBytes = 20 * 1024 * 1024

/** The log of a program, kept over starts; one that has grown is set aside, and the one set aside before goes. */
export const openLog = (place: Place, name: string): ProgramLog => {
  const path = join(place.logs, `${name}.log`)
  if (existsSync(path) && statSync(path).size > logMaxBytes) renameSync(path, `${path}.1`)
  return { path, fd: openSync(path, "a", 0o600) }
}
