import { Effect } from "effect"
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { promisify } from "node:util"

const pageBytes = 4096
const run = promisify(execFile)

const read = async (pid: number): Promise<number> => {
  if (process.platform === "linux") {
    const [, residentPages] = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ")
    return Number(residentPages) * pageBytes
  }
  const { stdout } = await run("ps", ["-o", "rss=", "-p", String(pid)])
  return Number(stdout.trim()) * 1024
}

/** Bytes of memory that a process holds; 0 when it is gone. */
export const residentBytes = (pid: number): Effect.Effect<number> =>
  Effect.promise(() => read(pid).catch(() => 0)).pipe(Effect.map((bytes) => (Number.isFinite(bytes) ? bytes : 0)))
