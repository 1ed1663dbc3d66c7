import { closeSync, existsSync, openSync, readSync, renameSync, statSync } from "node:fs"
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

const tailMaxBytes = 8 * 1024
const wordsMaxChars = 500

/** What a program said last, in its log: the message of a JSON line, else the line. Empty when it said nothing. */
export const lastWords = (path: string): string => {
  if (!existsSync(path)) return ""
  const size = statSync(path).size
  const tail = Buffer.alloc(Math.min(size, tailMaxBytes))
  const fd = openSync(path, "r")
  readSync(fd, tail, 0, tail.length, size - tail.length)
  closeSync(fd)
  const line = tail.toString("utf8").trimEnd().split("\n").at(-1) ?? ""
  const message = /^\{.*"message":("(?:[^"\\]|\\.)*")/.exec(line)?.[1]
  return (message === undefined ? line : String(JSON.parse(message))).trim().slice(0, wordsMaxChars)
}
