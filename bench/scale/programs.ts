import { Effect } from "effect"
import { spawn } from "node:child_process"
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { kubeBinaries } from "../../src/testing/KubeApiServer.ts"
import { endWithThisProcess, hasEnded, terminate } from "../../src/testing/NatsServer.ts"

/** Programs of the bench as processes of their own, so that their memory and processor time are theirs alone. */

const repository = fileURLToPath(new URL("../..", import.meta.url))

export interface RunningProgram {
  readonly name: string
  readonly pid: number
  readonly log: () => string
  readonly hasEnded: () => boolean
}

interface Launch {
  readonly name: string
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  /** A folder of its own is made in it, and removed should this process be killed. */
  readonly folder: string
}

/** Lives as long as the scope. */
export const launch = ({ args, command, env = {}, folder, name }: Launch) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const own = join(folder, name)
        mkdirSync(own, { recursive: true })
        const path = join(own, "log")
        const log = openSync(path, "a")
        const child = spawn(command, [...args], {
          cwd: repository,
          env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/", NO_COLOR: "1", ...env },
          stdio: ["ignore", log, log]
        })
        closeSync(log)
        if (child.pid === undefined) throw new Error(`${command} could not be started`)
        endWithThisProcess(child, own)
        return { child, path }
      }),
      ({ child }) => Effect.promise(() => terminate(child))
    ),
    ({ child, path }): RunningProgram => ({
      name,
      pid: child.pid ?? -1,
      log: () => readFileSync(path, "utf8"),
      hasEnded: () => hasEnded(child)
    })
  )

/** `flags`: of Node and V8. */
export const nodeProgram = ({ entry, flags = [], ...program }: Omit<Launch, "args" | "command"> & { readonly entry: string; readonly flags?: ReadonlyArray<string> }) =>
  launch({ ...program, command: process.execPath, args: [...flags, join(repository, entry)] })

/** One of the programs that `scripts/cluster build` makes. */
export const clusterProgram = (name: string): string => {
  const path = join(kubeBinaries(), name)
  if (!existsSync(path)) throw new Error(`${path} is missing: run scripts/cluster build ${name}, or set KUBE_BIN_DIR.`)
  return path
}

export interface Footprint {
  readonly rssMiB: number
  /** Of it, pages of files: Node itself, shared by all that run it. */
  readonly fileMiB: number
  /** The most so far. */
  readonly peakMiB: number
  /** Processor time so far, user and system. */
  readonly cpuS: number
}

const ticksPerS = 100

/** Behind the program's name, which may have spaces. */
const statOf = (pid: number | string) => {
  const [, name = "", rest = ""] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? []
  const fields = rest.split(" ")
  return { name, parent: Number(fields[1]), cpuS: (Number(fields[11]) + Number(fields[12])) / ticksPerS }
}

/** Processor time so far of every program that this process started, and of itself, by name. */
export const cpuByProgram = (names: ReadonlyMap<number, string>): Readonly<Record<string, number>> => {
  const own = statOf(process.pid)
  const found: Record<string, number> = { bench: own.cpuS }
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    if (!existsSync(`/proc/${pid}/stat`)) continue
    const { cpuS, name, parent } = statOf(pid)
    if (parent === process.pid && name !== "sh") found[names.get(Number(pid)) ?? name] = cpuS
  }
  return found
}

/** Linux only: /proc. */
export const footprintOf = ({ pid }: RunningProgram): Footprint => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  const mebibytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) / 1024
  return { rssMiB: mebibytes("VmRSS"), fileMiB: mebibytes("RssFile"), peakMiB: mebibytes("VmHWM"), cpuS: statOf(pid).cpuS }
}
