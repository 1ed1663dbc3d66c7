import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { freePort, type RunningNatsServer, startNatsServer } from "./NatsServer.ts"

/** The whole system as real processes: a broker, gateways, and a fleet that starts the agents. */

const repository = fileURLToPath(new URL("../..", import.meta.url))
export const fixtureModels = join(repository, "test/fixtures/models")

const readyTimeoutMs = 30_000
const stopTimeoutMs = 15_000

/** One program, started again on the same ports after a kill. */
export interface Program {
  readonly name: string
  readonly pid: () => number
  /** SIGKILL; resolves when it is gone. */
  readonly kill: () => Promise<void>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly start: () => void
  /** SIGTERM, SIGKILL after 15 s; resolves with the exit code (null: killed). */
  readonly stop: () => Promise<number | null>
  readonly log: () => string
}

const programs = new Set<ChildProcess>()
process.once("exit", () => programs.forEach((child) => child.kill("SIGKILL")))

const program = (name: string, entry: string, env: Record<string, string>): Program => {
  let child: ChildProcess | undefined
  let log = ""
  const start = () => {
    const started = spawn(process.execPath, [join(repository, entry)], {
      cwd: repository,
      env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/", NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    for (const stream of [started.stdout, started.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        log = (log + chunk.toString()).slice(-200_000)
      })
    }
    programs.add(started)
    started.once("exit", () => programs.delete(started))
    child = started
  }
  const gone = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exit = once(child, "exit")
    child.kill(signal)
    const timer = setTimeout(() => child?.kill("SIGKILL"), stopTimeoutMs)
    await exit
    clearTimeout(timer)
    return child.exitCode
  }
  start()
  return {
    name,
    pid: () => child?.pid ?? -1,
    kill: () => gone("SIGKILL").then(() => undefined),
    signal: (signal) => void child?.kill(signal),
    start,
    stop: () => gone("SIGTERM"),
    log: () => log
  }
}

export interface Gateway extends Program {
  readonly url: string
  readonly modelsUrl: string
  readonly metricsUrl: string
  /** Waits until it answers ready and has heard of the pool's agents (again after `start`). */
  readonly ready: () => Promise<void>
}

export interface SystemOptions {
  readonly gateways?: number
  readonly replicas?: number
  readonly maxReplicas?: number
  readonly models?: ReadonlyArray<string>
  readonly modelsDir?: string
  readonly cooldown?: string
  /** For every program. */
  readonly env?: Record<string, string>
  readonly gatewayEnv?: Record<string, string>
  /** For the fleet, and for its agents unless it says otherwise. */
  readonly fleetEnv?: Record<string, string>
  readonly broker?: Parameters<typeof startNatsServer>[0]
}

export interface System {
  readonly broker: RunningNatsServer
  readonly gateways: ReadonlyArray<Gateway>
  readonly fleet: Program
  readonly key: string
  readonly dir: string
  /** Every line that the programs wrote, by program. */
  readonly logs: () => string
  readonly stop: () => Promise<void>
}

const poolDocument = (options: SystemOptions): string =>
  JSON.stringify({
    apiVersion: "darkroom.dev/v1alpha1",
    kind: "GpuPool",
    metadata: { name: "local" },
    spec: {
      replicas: options.replicas ?? 1,
      maxReplicas: options.maxReplicas ?? Math.max(1, options.replicas ?? 1),
      models: options.models ?? ["noop"],
      scaling: { cooldown: options.cooldown ?? "60s" },
      placement: { gpu: { count: 0, product: "CPU" } }
    }
  })

const until = async (what: string, check: () => Promise<boolean>, timeoutMs: number, log: () => string): Promise<void> => {
  const end = Date.now() + timeoutMs
  while (Date.now() < end) {
    if (await check().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${what} did not happen within ${timeoutMs} ms\n${log().slice(-4_000)}`)
}

/** Starts everything and waits until each gateway is ready and routes to the pool. */
export const startSystem = async (options: SystemOptions = {}): Promise<System> => {
  const dir = mkdtempSync(join(tmpdir(), "darkroom-system-"))
  const broker = await startNatsServer(options.broker ?? {})
  const key = `test-${randomBytes(16).toString("hex")}`
  const poolFile = join(dir, "pool.yaml")
  writeFileSync(poolFile, poolDocument(options))
  const shared = {
    NATS_URL: broker.url,
    NATS_MONITOR_URL: broker.monitorUrl,
    POOL_FILE: poolFile,
    MODELS_DIR: options.modelsDir ?? fixtureModels,
    DARKROOM_TEST_MODELS: "1",
    DEFAULT_EDIT_POOL: "local",
    LOG_LEVEL: "Info",
    ...options.env
  }
  const fleet = program("fleet", "src/operator/local.ts", { ...shared, DATA_DIR: join(dir, "fleet"), ...options.fleetEnv })
  const gateways: Array<Gateway> = []
  const logs = () => [fleet, ...gateways].map((one) => `--- ${one.name}\n${one.log()}`).join("\n")
  for (let index = 0; index < (options.gateways ?? 1); index++) {
    const [port, modelsPort, metricsPort] = [await freePort(), await freePort(), await freePort()]
    mkdirSync(join(dir, `gateway-${index}`))
    const one = program(`gateway-${index}`, "src/gateway/main.ts", {
      ...shared,
      DARKROOM_API_KEY: key,
      PORT: String(port),
      MODELS_PORT: String(modelsPort),
      METRICS_PORT: String(metricsPort),
      DATA_DIR: join(dir, `gateway-${index}`),
      ...options.gatewayEnv
    })
    const on = (port: number) => `http://127.0.0.1:${port}`
    const ready = () =>
      until(`${one.name} ready`, async () => {
        if (!(await fetch(`${on(port)}/readyz`)).ok) return false
        const response = await fetch(`${on(port)}/api/queue`, { headers: { "x-api-key": key } })
        const body = await response.json() as { gpu: { active_replicas: number } }
        return body.gpu.active_replicas >= (options.replicas ?? 1)
      }, readyTimeoutMs, logs)
    gateways.push({ ...one, url: on(port), modelsUrl: on(modelsPort), metricsUrl: on(metricsPort), ready })
  }
  const stop = async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await fleet.stop()
    await broker.stop()
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    for (const gateway of gateways) await gateway.ready()
  } catch (error) {
    await stop()
    throw error
  }
  return { broker, gateways, fleet, key, dir, logs, stop }
}
