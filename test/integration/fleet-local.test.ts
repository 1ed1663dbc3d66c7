import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startSystem, type System } from "../../src/testing/System.ts"

/** The local fleet with a real broker, gateway and agents: agents come with work and go without it, busy ones never. */

const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

const limitMs = 30_000

let system: System
beforeAll(async () => {
  system = await startSystem({ replicas: 0, maxReplicas: 3, cooldown: "1s", env: { FLEET_INTERVAL: "200ms" } })
}, 60_000)
afterAll(() => system?.stop(), 60_000)

const api = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${system.gateways[0]?.url}${path}`, {
    ...init,
    headers: { "x-api-key": system.key, "content-type": "application/json" , ...init.headers }
  })
  return { status: response.status, body: await response.json() as Record<string, unknown> }
}

const submit = async (prompt: string): Promise<string> => {
  const { body, status } = await api("/api/edit", {
    method: "POST",
    headers: { prefer: "respond-async", "x-darkroom-attach": "no" },
    body: JSON.stringify({ image: pixel, prompt })
  })
  assert.strictEqual(status, 202, JSON.stringify(body))
  return String(body["job_id"])
}

/** Ids of the processes that a process started. */
const childrenOf = (pid: number): ReadonlyArray<number> =>
  execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child ?? -1)
    .filter((child) => isAlive(child))

const isAlive = (pid: number) => {
  try {
    // A zombie still takes signals.
    return process.kill(pid, 0) && !execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).startsWith("Z")
  } catch {
    return false
  }
}

// `ps` itself is a child of this test, never of the fleet.
const agents = () => childrenOf(system.fleet.pid())

const until = async <A>(what: string, read: () => A | Promise<A>, holds: (value: A) => boolean): Promise<A> => {
  const end = Date.now() + limitMs
  let last: A | undefined
  while (Date.now() < end) {
    last = await read()
    if (holds(last)) return last
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${what}: still ${JSON.stringify(last)}\n${system.logs()}`)
}

const gpu = async () => (await api("/api/queue")).body["gpu"] as { status: string; active_replicas: number; min_replicas: number }
const statusOf = async (job: string) => String((await api(`/api/status/${job}`)).body["status"])
const ended = (job: string, state = "completed") => until(`job ${job} ${state}`, () => statusOf(job), (status) => status === state)
const agentCount = (count: number) => until(`${count} agents`, agents, (pids) => pids.length === count)

const editPoolFile = (change: (pool: { spec: Record<string, unknown> }) => void) => {
  const path = join(system.dir, "pool.yaml")
  const pool = JSON.parse(readFileSync(path, "utf8")) as { spec: Record<string, unknown> }
  change(pool)
  writeFileSync(`${path}.new`, JSON.stringify(pool))
  renameSync(`${path}.new`, path)
}

describe("the local fleet", () => {
  it("sleeps until the first job, wakes for it, and sleeps again after the cooldown", async () => {
    assert.strictEqual(agents().length, 0)
    await until("the pool to be told", gpu, ({ status }) => status === "SCALED_TO_ZERO")
    const job = await submit("steps=4 ms=50")
    await agentCount(1)
    await ended(job)
    await until("the pool to be ACTIVE or asleep", gpu, ({ status }) => status === "ACTIVE" || status === "SCALED_TO_ZERO")
    await agentCount(0)
    await until("the pool to sleep", gpu, ({ status }) => status === "SCALED_TO_ZERO")
  }, 90_000)

  it("starts one agent a job up to maxReplicas, and takes none that is busy", async () => {
    const long = await submit("steps=20 ms=300")
    const short = [await submit("steps=4 ms=10"), await submit("steps=4 ms=10"), await submit("steps=4 ms=10")]
    await agentCount(3)
    await Promise.all(short.map((job) => ended(job)))
    // The other two go; the one that works stays until its job has ended.
    await agentCount(1)
    assert.strictEqual(await statusOf(long), "processing")
    await ended(long)
    assert.strictEqual((await api(`/api/status/${long}`)).body["error"] ?? null, null)
    await agentCount(0)
  }, 90_000)

  it("keeps the floor of pool.yaml, by the file and by /api/gpu/scale, and drains at once when it is lowered", async () => {
    editPoolFile((pool) => {
      pool.spec["replicas"] = 2
      pool.spec["scaling"] = { cooldown: "1h" }
    })
    await agentCount(2)
    await until("two ready", gpu, ({ active_replicas, min_replicas }) => active_replicas === 2 && min_replicas === 2)
    const scaled = await api("/api/gpu/scale?replicas=0", { method: "POST" })
    assert.strictEqual(scaled.status, 200, JSON.stringify(scaled.body))
    // The cooldown of an hour does not hold them.
    await agentCount(0)
  }, 90_000)

  it("starts a killed agent again", async () => {
    editPoolFile((pool) => {
      pool.spec["replicas"] = 1
    })
    const [first] = await agentCount(1)
    process.kill(first!, "SIGKILL")
    const [second] = await until("another agent", agents, (pids) => pids.length === 1 && pids[0] !== first)
    assert.notStrictEqual(second, first)
    await until("one ready", gpu, ({ active_replicas }) => active_replicas === 1)
  }, 90_000)

  it("holds what runs while the broker is away", async () => {
    const before = await agentCount(1)
    editPoolFile((pool) => {
      pool.spec["scaling"] = { cooldown: "1s" }
    })
    const held = () => system.fleet.log().split("are held (DepthUnreadable)").length
    const heldBefore = held()
    await system.broker.kill()
    // Lowering the floor would let it go at once, if the depth were known to be zero.
    editPoolFile((pool) => {
      pool.spec["replicas"] = 0
    })
    await until("the fleet to be blind", held, (times) => times > heldBefore)
    // Nothing tells that a decision was taken to do nothing: some more rounds have to pass.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    assert.deepStrictEqual(agents(), before)
    await system.broker.restart()
    await agentCount(0)
  }, 90_000)

  it("refuses a second fleet on the same folder", async () => {
    const second = spawn(process.execPath, ["src/operator/local.ts"], {
      env: {
        ...process.env,
        NATS_URL: system.broker.url,
        POOL_FILE: join(system.dir, "pool.yaml"),
        DATA_DIR: join(system.dir, "fleet")
      },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    second.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()))
    const [code] = await once(second, "exit") as [number]
    assert.strictEqual(code, 1)
    assert.include(said, `process ${system.fleet.pid()}`)
  }, 30_000)

  it("leaves no agent behind when it is killed", async () => {
    editPoolFile((pool) => {
      pool.spec["replicas"] = 2
    })
    const left = await agentCount(2)
    await system.fleet.kill()
    await until("the agents to be gone", () => left.filter(isAlive), (alive) => alive.length === 0)
    system.fleet.start()
    await agentCount(2)
    const running = agents()
    assert.strictEqual(await system.fleet.stop(), 0)
    assert.deepStrictEqual(running.filter(isAlive), [])
  }, 90_000)
})
