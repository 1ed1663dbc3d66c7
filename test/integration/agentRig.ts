import { Context, Effect, Layer, Ref, Schedule, Stream } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { AgentState } from "../../src/contract/AgentMessages.ts"
import type { JobRecord } from "../../src/contract/Job.ts"
import { eventNameOf } from "../../src/contract/JobEvent.ts"
import { laneName, lanes } from "../../src/contract/Lane.ts"
import { inputBlobName, laneConsumer, workStream } from "../../src/contract/subjects.ts"
import type { JobCommand } from "../../src/contract/transitions.ts"
import { Engine } from "../../src/gpu-agent/engine/Engine.ts"
import type { EngineOptions } from "../../src/gpu-agent/engine/options.ts"
import { ModelStore } from "../../src/gpu-agent/models/ModelStore.ts"
import { Worker, type WorkerOptions } from "../../src/gpu-agent/worker/Worker.ts"
import { Blobs } from "../../src/platform/blobs/Blobs.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { JobLog, type JobView } from "../../src/platform/nats/JobLog.ts"
import { Lanes, type WorkMessage } from "../../src/platform/nats/Lanes.ts"
import { Presence } from "../../src/platform/nats/Presence.ts"
import { logReady } from "../../src/platform/nats/provision.ts"
import { Signals } from "../../src/platform/nats/Signals.ts"
import { NatsServer } from "../../src/testing/NatsServer.ts"
import { jobRecord } from "../../src/testing/records.ts"
import { environmentOf } from "./logServices.ts"

/** What the agent's tests share: a broker, a caller that submits and watches, and agents in and out of this process. */

const repository = fileURLToPath(new URL("../..", import.meta.url))
const modelsDir = join(repository, "test/fixtures/models")
const cacheDir = mkdtempSync(join(tmpdir(), "darkroom-cache-"))

const environment = Layer.unwrap(Effect.map(NatsServer, (server) => environmentOf(server)))
const platform = Layer.mergeAll(JobLog.layer, Lanes.layer, Presence.layer, Signals.layer, Blobs.layer)

/** The broker and the caller. */
export const rig = platform.pipe(
  Layer.provideMerge(logReady),
  Layer.provideMerge(Connection.layer("agent-test")),
  Layer.provide(environment),
  Layer.provideMerge(NatsServer.layer)
)

export const live = { excludeTestServices: true, timeout: "60 seconds" } as const

let pools = 0
/** A pool of its own for each test, with its lanes. */
export const newPoolOf = Effect.fnUntraced(function*(...models: ReadonlyArray<string>) {
  const pool = `pool-${++pools}`
  yield* Lanes.use((service) => service.ensure(pool, models))
  return pool
})
export const newPool = newPoolOf("noop")

/** The message of a dead agent comes back after the ack wait; its 30 s are made shorter here, not the rule. */
export const shortenAckWait = Effect.fnUntraced(function*(pool: string, seconds: number) {
  const { jsm } = yield* Connection
  yield* Effect.promise(() =>
    Promise.all(lanes.map((lane) => jsm.consumers.update(workStream, laneConsumer(pool, "noop", laneName(lane)), { ack_wait: seconds * 1e9 })))
  )
})

const source = "/darkroom/test"
const hour = 3_600_000
const isoNow = () => new Date().toISOString()

export const submit = Effect.fnUntraced(function*(pool: string, prompt: string, overrides: Partial<JobRecord> = {}) {
  const log = yield* JobLog
  const record = jobRecord({
    job_id: crypto.randomUUID(),
    pool,
    prompt,
    parameters: { seed: 7 },
    created_at: isoNow(),
    queued_at: isoNow(),
    queue_deadline: new Date(Date.now() + hour).toISOString(),
    ...overrides
  })
  return (yield* log.append(undefined, { _tag: "Submit", record }, source)).record.job_id
})

export const storeInput = Effect.fnUntraced(function*(job: string, bytes: Uint8Array, width: number, height: number) {
  const blobs = yield* Blobs
  const sha256 = createHash("sha256").update(bytes).digest("hex")
  const name = inputBlobName(job, sha256)
  yield* blobs.put(name, bytes, sha256)
  return { name, sha256, bytes: bytes.length, media_type: "image/png" as const, width, height }
})

export const change = (job: string, command: JobCommand | ((view: JobView) => JobCommand)) =>
  JobLog.use((log) => log.change(job, command, source))

/** Another agent takes the job over, as if this one had been silent. */
export const takeOver = (job: string, agent = "other") =>
  change(job, (view) => ({ _tag: "Start", agent, queuedSequence: view.queuedSequence, silent: true, at: isoNow() }))

export const recordOf = (job: string) =>
  JobLog.use((log) => log.read(job)).pipe(Effect.map((view) => view?.record ?? jobRecord({ job_id: job, state: "deleted" })))

export const eventsOf = (job: string) =>
  JobLog.use((log) => log.history(job, 0)).pipe(Effect.map((events) => events.map(({ event }) => eventNameOf(event.type))))

/** Polls until it holds, at most `seconds`; dies with the last value. */
export const until = <A, E, R>(what: string, read: Effect.Effect<A, E, R>, holds: (value: A) => boolean, seconds = 20) =>
  Effect.gen(function*() {
    let last: A | undefined
    return yield* Effect.tap(read, (value) => Effect.sync(() => { last = value })).pipe(
      Effect.repeat({ until: holds, schedule: Schedule.spaced("25 millis") }),
      Effect.timeoutOrElse({
        duration: `${seconds} seconds`,
        orElse: () => Effect.die(new Error(`never within ${seconds} s: ${what}; last: ${JSON.stringify(last)}`))
      })
    )
  })

export const untilState = (job: string, state: JobRecord["state"], seconds?: number) =>
  until(`job ${state}`, recordOf(job), (record) => record.state === state, seconds)

/** Runs an effect until the job's step is reported, and gives that it was. */
export const untilStep = (job: string, step: number) =>
  Signals.use((signals) =>
    signals.progressOf(job).pipe(Stream.filter((progress) => progress.phase === "running" && progress.step >= step), Stream.runHead, Effect.timeout("20 seconds"), Effect.asVoid)
  )

export const workLeft = (pool: string) =>
  Lanes.use((lanes) => lanes.depth(pool)).pipe(Effect.map((depth) => (depth._tag === "Readable" ? depth.depth : Number.NaN)))

export const untilNoWork = (pool: string) => until("no work left", workLeft(pool), (depth) => depth === 0)

/** What an agent said on its messages and to the log, in order. */
export type Said = { readonly what: string; readonly job: string }


const recordLanes = (note: (what: string, job: string) => Effect.Effect<void>) =>
  Layer.effect(Lanes, Effect.map(Lanes, (lanes) => {
    const heard = (message: WorkMessage): WorkMessage => ({
      ...message,
      ack: Effect.andThen(note("ack", message.job_id), message.ack),
      nak: (delayMs) => Effect.andThen(note(`nak ${delayMs}`, message.job_id), message.nak(delayMs)),
      working: Effect.andThen(note("working", message.job_id), message.working)
    })
    return Lanes.of({ ...lanes, poll: (request) => Effect.map(lanes.poll(request), (message) => message && heard(message)) })
  }))

export interface InProcessOptions {
  readonly modelsDir?: string
  readonly worker?: Partial<WorkerOptions>
  readonly engine?: Partial<EngineOptions>
  readonly jobLog?: (log: typeof JobLog.Service, note: (what: string, job: string) => Effect.Effect<void>) => typeof JobLog.Service
  readonly blobs?: (blobs: typeof Blobs.Service, note: (what: string, job: string) => Effect.Effect<void>) => typeof Blobs.Service
  readonly presence?: (presence: typeof Presence.Service) => typeof Presence.Service
}

/** An agent whose job waits already is busy before anybody sees it ready. */
const serves: ReadonlyArray<AgentState> = ["READY", "BUSY"]

let agents = 0
/** The worker and its engine in this process, on a connection of their own; ends with the scope. */
export const agentInProcess = Effect.fnUntraced(function*(pool: string, options: InProcessOptions = {}) {
  const said = yield* Ref.make<ReadonlyArray<Said>>([])
  const note = (what: string, job: string) => Ref.update(said, (all) => [...all, { what, job }])
  const server = yield* NatsServer
  const agent = `agent-${++agents}`
  const wrapped = Layer.mergeAll(
    recordLanes(note),
    Layer.effect(JobLog, Effect.map(JobLog, (log) => options.jobLog?.(log, note) ?? log)),
    Layer.effect(Blobs, Effect.map(Blobs, (blobs) => options.blobs?.(blobs, note) ?? blobs)),
    Layer.effect(Presence, Effect.map(Presence, (presence) => options.presence?.(presence) ?? presence))
  )
  const engine = Engine.layer({
    device: "cpu",
    threads: 1,
    testModels: true,
    memoryMaxBytes: 600 * 1024 ** 2,
    cancelHardStopMs: 1_500,
    setupTimeoutMs: 20_000,
    unloadTimeoutMs: 10_000,
    gpuMemoryMaxBytes: 80_000_000_000,
    loadTimeoutMs: 20_000,
    restartsMax: 10,
    environment: process.env,
    ...options.engine
  })
  const context = yield* Layer.build(
    Worker.layer({ agent, pool, version: "test", models: ["noop"], graceMs: 0, ...options.worker }).pipe(
      Layer.provide(wrapped),
      Layer.provide([platform, engine, ModelStore.layer({ modelsDir: options.modelsDir ?? modelsDir, cacheDir })]),
      Layer.provide(Connection.layer(agent)),
      Layer.provide(environmentOf(server)),
      Layer.fresh
    )
  )
  const { report } = Context.get(context, Worker)
  yield* until("agent serves", report, ({ state }) => serves.includes(state))
  return { agent, said: Ref.get(said), report }
})

const kill = (child: ChildProcess, signal: NodeJS.Signals) => Effect.sync(() => void child.kill(signal))

/** The real program; SIGKILL at the end of the scope. */
export const agentProcess = Effect.fnUntraced(function*(
  pool: string,
  env: Record<string, string> = {},
  comesTo: ReadonlyArray<AgentState> = serves
) {
  const server = yield* NatsServer
  const agent = `process-${++agents}`
  let log = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [join(repository, "src/gpu-agent/main.ts"), "--test-models"], {
        cwd: repository,
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: process.env["HOME"] ?? "",
          NATS_URL: server.url,
          DARKROOM_POOL: pool,
          DARKROOM_MODELS: "noop",
          DARKROOM_DEVICE: "cpu",
          MODELS_DIR: modelsDir,
          XDG_CACHE_HOME: cacheDir,
          AGENT_ID: agent,
          ...env
        },
        stdio: ["ignore", "pipe", "pipe"]
      })
    ),
    (child) => kill(child, "SIGKILL")
  )
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => { log = (log + chunk.toString()).slice(-20_000) })
  const exited = Effect.promise(async () => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
    return child.exitCode
  })
  const presence = yield* Presence
  const heard = Effect.map(presence.alive(pool), (alive) => alive.find((heartbeat) => heartbeat.agent === agent))
  yield* until(`agent ${comesTo.join(" or ")}`, Effect.map(heard, (heartbeat) => ({ state: heartbeat?.state, log })), ({ state }) => state !== undefined && comesTo.includes(state))
  return { agent, pid: child.pid ?? -1, signal: (signal: NodeJS.Signals) => kill(child, signal), exited, heard, log: () => log }
})
