import { Deferred, Effect, Option, Queue, Schema, type Scope } from "effect"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { EngineReport, EngineRequest } from "./protocol.ts"
import { residentBytes } from "./residentMemory.ts"

/** Why the agent killed the process; absent when it ended by itself. */
export type KillReason = "cancel" | "timeout" | "memory" | "make room" | "setup" | "shutdown" | "nonsense"

export class ProcessEnded extends Schema.TaggedError<ProcessEnded>()("ProcessEnded", {
  /** `signal SIGSEGV`, `exit code 1` or why it did not start. */
  how: Schema.String,
  killedFor: Schema.optionalKey(Schema.String)
}) {}

export interface ProcessOptions {
  readonly memoryMaxBytes: number
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** One life of the engine. */
export interface EngineProcess {
  readonly pid: number
  readonly memoryMaxBytes: number
  readonly send: (request: EngineRequest) => Effect.Effect<void>
  /** The next report; fails when the process has ended. */
  readonly take: Effect.Effect<EngineReport, ProcessEnded>
  readonly hasEnded: Effect.Effect<boolean>
  /** Waits for the end. */
  readonly ended: Effect.Effect<ProcessEnded>
  /** SIGKILL; returns when the process is gone. */
  readonly kill: (reason: KillReason) => Effect.Effect<void>
}

const entry = fileURLToPath(new URL("./main.ts", import.meta.url))
const memoryCheckEvery = "200 millis"

/** The engine decodes strangers' pictures: it gets no secret that it does not need. */
export const withoutSecrets = (environment: ProcessOptions["environment"]): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(NATS_|S3_|AWS_|OTEL_)|KEY|SECRET|TOKEN|PASSWORD/i.test(name)))

const start = (options: ProcessOptions) =>
  fork(entry, [], {
    execPath: process.execPath,
    execArgv: [],
    serialization: "advanced",
    env: withoutSecrets(options.environment),
    stdio: ["ignore", "pipe", "pipe", "ipc"]
  })

const endOf = (how: string, reason: KillReason | undefined): ProcessEnded =>
  new ProcessEnded(reason === undefined ? { how } : { how, killedFor: reason })

/** Starts the engine; it is killed when the scope closes. */
export const startEngineProcess = Effect.fn("engine.start")(function*(
  options: ProcessOptions
): Effect.fn.Return<EngineProcess, never, Scope.Scope> {
  const reports = yield* Queue.unbounded<EngineReport, ProcessEnded>()
  const ended = yield* Deferred.make<ProcessEnded>()
  const logLine = Effect.runForkWith(yield* Effect.context<never>())
  let killReason: KillReason | undefined

  const child = start(options)
  const finish = (how: string) => {
    const end = endOf(how, killReason)
    if (Deferred.doneUnsafe(ended, Effect.succeed(end))) Effect.runSync(Queue.fail(reports, end))
  }
  const killNow = (reason: KillReason) => {
    killReason ??= reason
    child.kill("SIGKILL")
  }
  const decode = Schema.decodeUnknownOption(EngineReport)
  // The engine decodes strangers' pictures: what it says is not taken on trust, and cannot bring the agent down.
  child.on("message", (message) => {
    const report = decode(message)
    if (Option.isSome(report)) Queue.offerUnsafe(reports, report.value)
    else killNow("nonsense")
  })
  child.once("exit", (code, signal) => finish(signal === null ? `exit code ${code}` : `signal ${signal}`))
  child.on("error", (error) => child.pid === undefined && finish(`could not be started: ${error.message}`))
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) =>
      void logLine(Effect.logDebug("engine output").pipe(Effect.annotateLogs({ text: text.trimEnd() })))
    )
  }

  const encode = Schema.encodeSync(EngineRequest)
  const kill = (reason: KillReason) =>
    Effect.suspend(() => {
      killNow(reason)
      return Effect.asVoid(Deferred.await(ended))
    })
  yield* Effect.addFinalizer(() => kill("shutdown"))
  const pid = child.pid ?? 0
  yield* residentBytes(pid).pipe(
    Effect.flatMap((bytes) => (bytes > options.memoryMaxBytes ? kill("memory") : Effect.void)),
    Effect.andThen(Effect.sleep(memoryCheckEvery)),
    Effect.forever,
    Effect.forkScoped
  )
  return {
    pid,
    memoryMaxBytes: options.memoryMaxBytes,
    // A process that has just ended is seen by `take`.
    send: (request) => Effect.sync(() => void (child.connected && child.send(encode(request), () => {}))),
    take: Queue.take(reports),
    hasEnded: Deferred.isDone(ended),
    ended: Deferred.await(ended),
    kill
  }
})
