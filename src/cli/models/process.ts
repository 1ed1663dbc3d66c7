import { Effect, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { createInterface } from "node:readline"

/** A program of another maker that did not do what it was asked. */
export class ProgramFailed extends Schema.TaggedError<ProgramFailed>()("ProgramFailed", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

export interface LoggedProgram {
  readonly command: readonly [string, ...Array<string>]
  /** Where its standard error goes. */
  readonly log: string
  /** Each line of its standard output. */
  readonly onLine: (line: string) => void
  readonly env?: Readonly<Record<string, string>>
}

const lastLinesOf = (log: string, fromByte: number): string =>
  readFileSync(log).subarray(fromByte).toString("utf8").trimEnd().split("\n").slice(-5).map((line) => `  ${line}`).join("\n")

const killAfterMs = 5_000

/** Returns when the process is gone, so that nothing writes any more. */
const end = (child: ChildProcess): Effect.Effect<void> => {
  const gone = Effect.callback<void>((resume) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) resume(Effect.void)
    else child.once("exit", () => resume(Effect.void))
  })
  const signal = (name: NodeJS.Signals) => Effect.sync(() => void child.kill(name))
  return signal("SIGTERM").pipe(
    Effect.andThen(gone),
    Effect.timeoutOrElse({ duration: killAfterMs, orElse: () => Effect.andThen(signal("SIGKILL"), gone) })
  )
}

/** Runs a program to its end; it is ended with this one. Fails with the last lines of its log. */
export const runLogged = ({ command, env, log, onLine }: LoggedProgram): Effect.Effect<void, ProgramFailed> =>
  Effect.callback<void, ProgramFailed>((resume) => {
    mkdirSync(dirname(log), { recursive: true })
    const output = openSync(log, "a")
    const logStart = statSync(log).size
    const [program, ...args] = command
    const child = spawn(program, args, { stdio: ["pipe", "pipe", output], env: { ...process.env, ...env } })
    closeSync(output)
    // Never written to: the exporter ends when it closes, so that it does not outlive a command that was killed.
    child.stdin?.on("error", () => {})
    if (child.stdout !== null) createInterface({ input: child.stdout }).on("line", onLine)
    const fail = (how: string) => {
      const lines = lastLinesOf(log, logStart)
      resume(Effect.fail(new ProgramFailed({ reason: `${program} ${how}${lines.trim() === "" ? "" : `; the end of ${log}:\n${lines}`}` })))
    }
    child.once("error", (error) => fail(`does not run: ${error.message}`))
    child.once("close", (code, signal) => (code === 0 ? resume(Effect.void) : fail(signal === null ? `ended with code ${code}` : `was ended by ${signal}`)))
    return end(child)
  })
