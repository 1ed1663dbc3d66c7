import { Config, Effect, Option, Result, Schema } from "effect"
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import type { ModelPlaces } from "./places.ts"
import { runLogged } from "./process.ts"
import { say } from "./wording.ts"

/** There is no Python that can make the exporter's environment, or making it failed. */
export class PythonUnusable extends Schema.TaggedError<PythonUnusable>()("PythonUnusable", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

const versionMin: readonly [number, number] = [3, 11]
const candidates = ["python3.13", "python3.12", "python3.11", "python3", "python"]
const probeTimeoutMs = 20_000

/** Debian's Python comes without the two modules that make environments. */
const probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2], sys.executable)"

/** A Python of the right age. */
export interface Python {
  readonly version: string
  readonly path: string
}

/** Pure: what the probe's answer says. */
export const judge = (command: string, answer: { readonly stdout: string } | { readonly error: string }): Result.Result<Python, string> => {
  if ("error" in answer) return Result.fail(/ensurepip|venv/.test(answer.error) ? `${command} has no venv module` : `${command} does not run`)
  const [version = "", path = ""] = answer.stdout.trim().split(" ")
  const [major = 0, minor = 0] = version.split(".").map(Number)
  const isNewEnough = major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1])
  return isNewEnough && path !== "" ? Result.succeed({ version, path }) : Result.fail(`${command} is ${version}`)
}

const look = (command: string) =>
  Effect.promise(() =>
    promisify(execFile)(command, ["-c", probe], { timeout: probeTimeoutMs }).then(
      ({ stdout }) => judge(command, { stdout }),
      (error: Error & { stderr?: string }) => judge(command, { error: `${error.message}\n${error.stderr ?? ""}` })
    )
  )

const findPython = Effect.gen(function*() {
  const refused: Array<string> = []
  for (const command of candidates) {
    const found = yield* look(command)
    if (Result.isSuccess(found)) return found.success
    if (!found.failure.endsWith("does not run")) refused.push(found.failure)
  }
  return yield* new PythonUnusable({
    reason: `the exporter needs Python ${versionMin.join(".")} or newer with its venv module${refused.length === 0 ? ", and there is none on the PATH" : `; found: ${refused.join(", ")}`}. ` +
      "Install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python), or let DARKROOM_EXPORT_PYTHON name one that has scripts/export/requirements.txt installed."
  })
})

/** The environment in which the exporter runs, made or still to be made. */
export interface Environment {
  readonly python: string
  readonly isReady: boolean
  readonly make: Effect.Effect<void, PythonUnusable>
}

const given = (python: string): Environment => ({ python, isReady: true, make: Effect.void })

/** Changes with the requirements and the Python, so that a stale one is never used. */
const folderOf = ({ cacheDir, exporter }: ModelPlaces, python: Python): string => {
  const requirements = readFileSync(join(exporter, "requirements.txt"))
  return join(cacheDir, `export-venv-${createHash("sha256").update(requirements).update(`${python.version} ${python.path}`).digest("hex").slice(0, 12)}`)
}

const make = (folder: string, { exporter, cacheDir }: ModelPlaces, python: Python) =>
  Effect.gen(function*() {
    yield* say(`making the exporter's environment in ${folder} (Python ${python.version}; PyTorch and others, about 6 GB, once)`)
    yield* Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    const log = join(cacheDir, "export.log")
    const own = join(folder, "bin", "python")
    yield* runLogged({ command: [python.path, "-m", "venv", folder], log, onLine: () => {} })
    yield* runLogged({
      command: [own, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", "-r", join(exporter, "requirements.txt")],
      log,
      onLine: (line) => void (/^(?:Downloading|Installing) /.test(line.trim()) && process.stdout.write(`  ${line.trim().slice(0, 100)}\n`))
    })
    // Last: an environment without it was interrupted, and is made anew.
    yield* Effect.sync(() => writeFileSync(join(folder, "complete"), ""))
  }).pipe(Effect.mapError((error) => new PythonUnusable({ reason: `the exporter's environment could not be made: ${error.message}` })))

export const exportEnvironment = Effect.fn("exportEnvironment")(function*(places: ModelPlaces) {
  const own = Option.getOrUndefined(yield* Config.option(Config.NonEmptyString("DARKROOM_EXPORT_PYTHON")))
  if (own !== undefined) return given(own)
  const python = yield* findPython
  const folder = folderOf(places, python)
  return { python: join(folder, "bin", "python"), isReady: existsSync(join(folder, "complete")), make: make(folder, places, python) }
})
