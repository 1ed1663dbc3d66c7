import { Context, Effect, Layer } from "effect"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

/**
 * A real nats-server for one test file: loopback only, JetStream in a folder of its own, every write fsynced
 * before its acknowledgement, as `scripts/up` runs it.
 */

export interface NatsServerOptions {
  /** Path of the nats-server to run. Default: `NATS_SERVER_BIN`, else what `scripts/nats-server` prints. */
  readonly binary?: string
  /** Lines put at the end of the configuration file; a key given here wins over the default one. */
  readonly config?: string
  /** Room for JetStream's files, in bytes. Default 16 GiB. */
  readonly maxStoreBytes?: number
  /** Client port. Default: a free one, below the range that the system hands to outgoing connections. */
  readonly port?: number
  /** JetStream's folder. Default: a fresh one, removed by `stop`; one that is given here is kept. */
  readonly storeDir?: string
  /** JetStream's `sync_interval`. Default `always`; `2m` is what nats-server does by itself. */
  readonly syncInterval?: string
  /** Name of the server, shown in its INFO. */
  readonly name?: string
}

export interface RunningNatsServer {
  readonly url: string
  readonly port: number
  /** Base URL of `/varz`, `/jsz`, `/healthz`. */
  readonly monitorUrl: string
  /** Process id of the present run; changes with `restart`. */
  readonly pid: number
  readonly storeDir: string
  /** Everything that the server logged since its first start. */
  log(): string
  /** Ends the process (SIGTERM, SIGKILL after 5 s) and removes the folders made for it. Safe to call twice. */
  stop(): Promise<void>
  /** SIGKILL, as a crash; resolves when the process is gone. Folders stay. */
  kill(): Promise<void>
  /** Starts again on the same port and store, after `kill` or in place of the running process (SIGTERM first). */
  restart(): Promise<void>
}

const readyTimeoutMs = 20_000
const stopTimeoutMs = 5_000
const portAttempts = 20
// Only a ceiling: the streams of the default settings reserve more than five of it.
const defaultMaxStoreBytes = 16 * 1024 ** 3

/**
 * A test worker that is killed must not leave servers behind: a shell waits for the end of its standard input, which comes
 * with this process's end, however that happens, and then kills the server and removes its folder.
 */
export const endWithThisProcess = (child: ChildProcess, runDir: string) => {
  const guard = spawn("sh", ["-c", `read -r _; kill -9 "$1"; rm -rf "$2"`, "sh", String(child.pid), runDir], {
    stdio: ["pipe", "ignore", "ignore"],
    // Of its own process group, so that Ctrl-C does not end it before the others.
    detached: true
  })
  guard.unref()
  child.once("exit", () => guard.kill("SIGKILL"))
}

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const probe = createServer()
    probe.once("error", () => resolve(false))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)))
  })

/**
 * A loopback port that nobody listens on, between 18 000 and 32 000: below the ephemeral range of Linux and macOS, so
 * that it is still free when the server comes back to it after a kill.
 */
export const freePort = async (): Promise<number> => {
  for (let attempt = 0; attempt < portAttempts * 10; attempt++) {
    const port = 18_000 + Math.floor(Math.random() * 14_000)
    if (await isFree(port)) return port
  }
  throw new Error("No free loopback port between 18000 and 32000; what listens there?")
}

let located: Promise<string> | undefined

/** Path of the nats-server under test: `NATS_SERVER_BIN`, else the one that `scripts/nats-server` finds or fetches. */
export const locateNatsServer = (): Promise<string> => {
  const fromEnvironment = process.env["NATS_SERVER_BIN"]
  if (fromEnvironment !== undefined && fromEnvironment !== "") return Promise.resolve(fromEnvironment)
  const script = fileURLToPath(new URL("../../scripts/nats-server", import.meta.url))
  located ??= promisify(execFile)("bash", [script], { encoding: "utf8" }).then(
    ({ stdout }) => stdout.trim(),
    (error: Error & { stderr?: string }) => {
      throw new Error(`scripts/nats-server found no nats-server:\n${error.stderr ?? error.message}`)
    }
  )
  return located
}

interface Settings {
  readonly binary: string
  readonly name: string
  readonly port: number
  readonly monitorPort: number
  readonly maxStoreBytes: number
  readonly storeDir: string
  readonly syncInterval: string
  readonly extra: string
  /** Where the configuration and the log are written. */
  readonly runDir: string
}

const configuration = (s: Settings): string => `
server_name: ${JSON.stringify(s.name)}
listen: "127.0.0.1:${s.port}"
http: "127.0.0.1:${s.monitorPort}"
jetstream {
  store_dir: ${JSON.stringify(s.storeDir)}
  max_file_store: ${s.maxStoreBytes}
  max_memory_store: 67108864
  sync_interval: ${s.syncInterval}
}
${s.extra}
`

export const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

const ended = (child: ChildProcess) =>
  hasEnded(child) ? Promise.resolve() : new Promise<void>((resolve) => child.once("exit", () => resolve()))

export const whenEnded = (child: ChildProcess, timeoutMs: number) =>
  Promise.race([ended(child), new Promise<void>((resolve) => setTimeout(resolve, timeoutMs).unref())])

/** True once this server (told by its name) takes clients and JetStream is up: in a cluster, with a meta leader. */
const answers = async (settings: Settings): Promise<boolean> => {
  const monitor = `http://127.0.0.1:${settings.monitorPort}`
  const signal = AbortSignal.timeout(1_000)
  try {
    const health = await fetch(`${monitor}/healthz`, { signal })
    await health.text()
    if (!health.ok) return false
    const { server_name } = (await (await fetch(`${monitor}/varz`, { signal })).json()) as { server_name?: string }
    return server_name === settings.name
  } catch {
    return false
  }
}

const logPath = (settings: Settings) => join(settings.runDir, "server.log")

const readLog = (settings: Settings) =>
  existsSync(logPath(settings)) ? readFileSync(logPath(settings), "utf8") : ""

const launch = (settings: Settings): ChildProcess => {
  const configPath = join(settings.runDir, "server.conf")
  writeFileSync(configPath, configuration(settings))
  const log = openSync(logPath(settings), "a")
  const child = spawn(settings.binary, ["--config", configPath], { stdio: ["ignore", log, log] })
  closeSync(log)
  if (child.pid !== undefined) endWithThisProcess(child, settings.runDir)
  return child
}

/** Waits until the server answers; throws with the end of its log when it ends first or is not ready in time. */
const whenReady = async (child: ChildProcess, settings: Settings): Promise<void> => {
  const deadline = performance.now() + readyTimeoutMs
  const failure = (what: string) =>
    new Error(`nats-server ${settings.name} ${what}. Its log says:\n${readLog(settings).slice(-4_000) || "(nothing)"}`)
  while (performance.now() < deadline) {
    if (hasEnded(child)) throw failure("ended before it was ready")
    if (await answers(settings)) return
    await delay(20)
  }
  child.kill("SIGKILL")
  throw failure(`was not ready on port ${settings.port} within ${readyTimeoutMs} ms`)
}

const start = async (settings: Settings): Promise<ChildProcess> => {
  const child = launch(settings)
  // Without a pid there was no process; the reason comes as an event.
  if (child.pid === undefined) {
    const [reason] = (await once(child, "error", { signal: AbortSignal.timeout(1_000) }).catch((error) => [error])) as [Error]
    throw new Error(`nats-server ${settings.binary} could not be started: ${reason.message}`)
  }
  await whenReady(child, settings)
  return child
}

export const terminate = async (child: ChildProcess): Promise<void> => {
  if (hasEnded(child)) return
  child.kill("SIGTERM")
  await whenEnded(child, stopTimeoutMs)
  child.kill("SIGKILL")
  await whenEnded(child, stopTimeoutMs)
}

const handle = (settings: Settings, folders: ReadonlyArray<string>, first: ChildProcess): RunningNatsServer => {
  let child = first
  return {
    url: `nats://127.0.0.1:${settings.port}`,
    port: settings.port,
    monitorUrl: `http://127.0.0.1:${settings.monitorPort}`,
    get pid() {
      return child.pid ?? -1
    },
    storeDir: settings.storeDir,
    log: () => readLog(settings),
    kill: async () => {
      child.kill("SIGKILL")
      await whenEnded(child, stopTimeoutMs)
    },
    restart: async () => {
      await terminate(child)
      child = await start(settings)
    },
    stop: async () => {
      await terminate(child)
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    }
  }
}

const prepare = async (options: NatsServerOptions) => {
  const binary = options.binary ?? (await locateNatsServer())
  const runDir = mkdtempSync(join(tmpdir(), "darkroom-nats-"))
  const port = options.port ?? (await freePort())
  const settings: Settings = {
    binary,
    name: options.name ?? `test-${randomUUID()}`,
    port,
    monitorPort: await freePort(),
    maxStoreBytes: options.maxStoreBytes ?? defaultMaxStoreBytes,
    storeDir: options.storeDir ?? join(runDir, "store"),
    syncInterval: options.syncInterval ?? "always",
    extra: options.config ?? "",
    runDir
  }
  return settings
}

const portTaken = (error: unknown) => error instanceof Error && error.message.includes("address already in use")

/**
 * Starts a nats-server and waits until JetStream is ready (at most 20 s). Rejects with the end of the server's log
 * when it does not come up, e.g. for a wrong configuration.
 */
export const startNatsServer = async (options: NatsServerOptions = {}): Promise<RunningNatsServer> => {
  for (let attempt = 1; ; attempt++) {
    const settings = await prepare(options)
    try {
      return handle(settings, [settings.runDir], await start(settings))
    } catch (error) {
      rmSync(settings.runDir, { recursive: true, force: true })
      // Two test files may have picked the same free port.
      if (!portTaken(error) || options.port !== undefined || attempt === portAttempts) throw error
    }
  }
}

/**
 * Starts `size` servers that form one JetStream cluster over loopback routes and waits until a meta leader is known.
 * `url` of each differs; stop each, or all with `stop`.
 */
export const startCluster = async (size = 3, options: Omit<NatsServerOptions, "port" | "storeDir" | "name"> = {}) => {
  const routePorts: Array<number> = []
  while (routePorts.length < size) {
    const port = await freePort()
    if (!routePorts.includes(port)) routePorts.push(port)
  }
  const routes = routePorts.map((port) => `"nats://127.0.0.1:${port}"`).join(", ")
  const cluster = `cluster-${randomUUID()}`
  const started = await Promise.allSettled(
    routePorts.map((port) =>
      startNatsServer({
        ...options,
        config: `cluster { name: "${cluster}", listen: "127.0.0.1:${port}", routes: [${routes}] }\n${options.config ?? ""}`
      })
    )
  )
  const servers = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []))
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()))
  }
  const failed = started.find((result) => result.status === "rejected")
  if (failed !== undefined) {
    await stop()
    throw failed.reason
  }
  return { servers, urls: servers.map((server) => server.url), stop }
}

/** A nats-server that lives as long as the surrounding scope. A server that does not start is a defect. */
export const scopedNatsServer = (options: NatsServerOptions = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => startNatsServer(options)),
    (server) => Effect.promise(() => server.stop())
  )

/** The nats-server of a test file, as a service: `layer(NatsServer.layer)("…", (it) => …)`. */
export class NatsServer extends Context.Service<NatsServer, RunningNatsServer>()("darkroom/testing/NatsServer") {
  static readonly layerWith = (options: NatsServerOptions) => Layer.effect(NatsServer, scopedNatsServer(options))
  static readonly layer = NatsServer.layerWith({})
}
