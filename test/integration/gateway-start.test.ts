import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { freePort, type RunningNatsServer, startNatsServer } from "../../src/testing/NatsServer.ts"
import { startSystem } from "../../src/testing/System.ts"
import { GatewayClient } from "./gatewayClient.ts"

/** What a gateway says when it cannot start, and what it leaves in the log when it does. */

const entry = fileURLToPath(new URL("../../src/gateway/main.ts", import.meta.url))

describe("a gateway that cannot start", () => {
  let broker: RunningNatsServer
  let dir: string
  beforeAll(async () => {
    broker = await startNatsServer()
    dir = mkdtempSync(join(tmpdir(), "darkroom-start-"))
    writeFileSync(join(dir, "pool.yaml"), "apiVersion: darkroom.dev/v1alpha1\nkind: GpuPool\nmetadata: {name: local}\nspec: {models: [noop]}\n")
  }, 60_000)
  afterAll(async () => {
    await broker?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  const environment = async (overrides: Record<string, string>) => ({
    PATH: process.env["PATH"] ?? "",
    NATS_URL: broker.url,
    NATS_MONITOR_URL: broker.monitorUrl,
    POOL_FILE: join(dir, "pool.yaml"),
    DATA_DIR: mkdtempSync(join(dir, "data-")),
    PORT: String(await freePort()),
    MODELS_PORT: "0",
    METRICS_PORT: "0",
    ...overrides
  })

  const start = (env: Record<string, string>) => {
    const child = spawn(process.execPath, [entry], { env, stdio: ["ignore", "pipe", "pipe"] })
    let log = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => void (log += chunk.toString()))
    const exit = new Promise<number | null>((resolve) => child.once("exit", resolve))
    return { child, exit, log: () => log }
  }

  const failure = async (overrides: Record<string, string>) => {
    const { exit, log } = start(await environment(overrides))
    assert.strictEqual(await exit, 1, log())
    return log()
  }

  it("without any key says how to make one", async () => {
    const said = await failure({})
    assert.include(said, "DARKROOM_API_KEY")
    assert.include(said, "darkroom keys create")
  })
  it("with a setting that is none names it", async () => {
    assert.include(await failure({ EDIT_WAIT: "soon", DARKROOM_API_KEY: "k".repeat(32) }), "EDIT_WAIT")
  })
  it("without pools names the file", async () => {
    assert.include(await failure({ POOL_FILE: join(dir, "missing.yaml"), DARKROOM_API_KEY: "k".repeat(32) }), "missing.yaml")
  })
  it("on a port or a projection that is taken says whose it is and what to set", async () => {
    const env = await environment({ DARKROOM_API_KEY: "k".repeat(32) })
    const first = start(env)
    const url = `http://127.0.0.1:${env.PORT}/livez`
    while (!(await fetch(url).then(({ ok }) => ok, () => false))) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.include(await failure({ PORT: env.PORT, DARKROOM_API_KEY: "k".repeat(32) }), "set PORT")
    assert.include(await failure({ DATA_DIR: env.DATA_DIR, DARKROOM_API_KEY: "k".repeat(32) }), "DATA_DIR")
    first.child.kill("SIGTERM")
    assert.strictEqual(await first.exit, 0)
  })
})

describe("a trace", () => {
  it("goes from the request's traceparent into the job", async () => {
    const system = await startSystem()
    try {
      const client = new GatewayClient(system)
      const traceId = "0af7651916cd43dd8448eb211c80319c"
      const job = await client.start("steps=1", {}, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } })
      const read = JobLog.use((log) => log.read(job)).pipe(
        Effect.provide(JobLog.layer.pipe(
          Layer.provide(Connection.layer("test")),
          Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: system.broker.url })))
        ))
      )
      assert.include((await Effect.runPromise(read))?.record.traceparent, traceId)
    } finally {
      await system.stop()
    }
  }, 60_000)
})
