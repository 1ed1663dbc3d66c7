import { Deferred, Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"

export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Why there never was a process. */
  readonly error?: string
}

export const describeExit = (exit: ChildExit): string =>
  exit.error ?? (exit.signal === null ? `exit code ${exit.code}` : exit.signal)

/** A process that Darkroom started. */
export interface Child {
  readonly pid: number | undefined
  readonly process: ChildProcess
  readonly exited: Effect.Effect<ChildExit>
  readonly hasExited: () => boolean
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** SIGTERM, then SIGKILL when it is still there after `graceMs`. */
  readonly stop: (graceMs: number) => Effect.Effect<ChildExit>
}

export interface ChildOptions {
  readonly command: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** `node`: ends with this process (endWithParent.ts). `guarded`: a pipe as standard input that closes with this process. */
  readonly kind: "node" | "guarded"
  /** Where its output goes: a file descriptor for both streams, or this process's own. */
  readonly output: number | "inherit"
  /** True: Ctrl-C in the terminal does not reach it, so that it is stopped in order. */
  readonly ownGroup?: boolean
}

/** The Node that runs this program, made to end with it: arguments before the script's path. */
export const nodeCommand: ReadonlyArray<string> = [
  process.execPath,
  "--import",
  new URL("./endWithParent.ts", import.meta.url).href
]

/** Starts a process; one that cannot be started is an exit with `error`, not a failure. Stopped by nobody but the caller. */
export const startChild = (options: ChildOptions): Effect.Effect<Child> =>
  Effect.gen(function*() {
    const exit = yield* Deferred.make<ChildExit>()
    const [program = "", ...args] = options.command
    const child = spawn(program, args, {
      env: options.env as NodeJS.ProcessEnv,
      detached: options.ownGroup ?? false,
      stdio: options.kind === "node"
        ? ["ignore", options.output, options.output, "ipc"]
        : ["pipe", options.output, options.output],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd })
    })
    const end = (value: ChildExit) => {
      child.stdin?.destroy()
      Deferred.doneUnsafe(exit, Effect.succeed(value))
    }
    child.once("error", (error) => {
      if (child.pid === undefined) end({ code: null, signal: null, error: error.message })
    })
    child.once("exit", (code, signal) => end({ code, signal }))
    child.stdin?.on("error", () => {})
    const hasExited = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null
    const signal = (name: NodeJS.Signals) => Effect.sync(() => void (hasExited() || child.kill(name)))
    const exited = Deferred.await(exit)
    return {
      pid: child.pid,
      process: child,
      exited,
      hasExited,
      signal,
      stop: (graceMs) =>
        signal("SIGTERM").pipe(
          Effect.andThen(exited),
          Effect.timeoutOrElse({ duration: graceMs, orElse: () => Effect.andThen(signal("SIGKILL"), exited) })
        )
    }
  })
