import { execFileSync } from "node:child_process"
import { assert, afterAll, beforeAll, describe, it } from "vitest"
import { connect } from "@nats-io/transport-node"
import { DeliverPolicy, jetstream } from "@nats-io/jetstream"
import { parseEventSubject } from "../../src/contract/subjects.ts"
import { startSystem, type System } from "../../src/testing/System.ts"

/**
 * Real processes, killed at the worst moment: nothing accepted is lost, nothing ends twice. One system for the file;
 * two gateways, two agents.
 */

let system: System
beforeAll(async () => {
  system = await startSystem({ gateways: 2, replicas: 2, maxReplicas: 2 })
}, 60_000)
afterAll(() => system?.stop(), 60_000)

/** A 1 x 1 PNG: the faults are about the job, not the picture. */
const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

const request = (gateway: number, path: string, init: RequestInit = {}) =>
  fetch(`${system.gateways[gateway]?.url}${path}`, {
    ...init,
    headers: { "x-api-key": system.key, "content-type": "application/json", ...init.headers }
  })

const submit = async (prompt: string, gateway = 0, headers: Record<string, string> = {}) => {
  const response = await request(gateway, "/api/edit", {
    method: "POST",
    headers: { prefer: "respond-async", "x-darkroom-attach": "no", ...headers },
    body: JSON.stringify({ image: pixel, prompt })
  })
  return { status: response.status, body: await response.json() as { job_id: string; detail?: string } }
}

const accepted = async (prompt: string, gateway = 0, headers: Record<string, string> = {}): Promise<string> => {
  const { body, status } = await submit(prompt, gateway, headers)
  assert.strictEqual(status, 202, JSON.stringify(body))
  return body.job_id
}

interface Status {
  readonly status: string
  readonly error: { readonly class: string } | null
}

const statusOf = async (job: string, gateway = 1): Promise<Status> => {
  const response = await request(gateway, `/api/status/${job}`)
  return response.ok ? await response.json() as Status : { status: `HTTP ${response.status}`, error: null }
}

const waitFor = async (job: string, wanted: ReadonlyArray<string>, timeoutMs = 60_000): Promise<Status> => {
  const end = Date.now() + timeoutMs
  let last: Status = { status: "never read", error: null }
  while (Date.now() < end) {
    last = await statusOf(job).catch((error: unknown) => ({ status: String(error), error: null }))
    if (wanted.includes(last.status)) return last
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`job ${job} is ${last.status}, not ${wanted.join(" or ")}\n${system.logs()}`)
}

/** Every event of the log, by job, in order: the truth against which all is checked. */
const eventsByJob = async (): Promise<Map<string, Array<{ name: string; attempt: number; agent: string | undefined }>>> => {
  const nc = await connect({ servers: system.broker.url })
  try {
    const js = jetstream(nc)
    const events = new Map<string, Array<{ name: string; attempt: number; agent: string | undefined }>>()
    const consumer = await js.consumers.get("EVENTS", { deliver_policy: DeliverPolicy.All })
    const info = await consumer.info()
    if (info.num_pending === 0) return events
    for await (const msg of await consumer.consume()) {
      const route = parseEventSubject(msg.subject)
      if (route !== undefined) {
        const record = msg.json<{ data: { attempt: number; agent?: string } }>().data
        const list = events.get(route.job) ?? []
        list.push({ name: route.event, attempt: record.attempt, agent: record.agent })
        events.set(route.job, list)
      }
      if (msg.info.pending === 0) break
    }
    return events
  } finally {
    await nc.close()
  }
}

const ended = ["completed", "failed", "cancelled"]
const endsOnce = (events: ReadonlyArray<{ name: string }> | undefined) =>
  assert.lengthOf((events ?? []).filter(({ name }) => ended.includes(name)), 1, JSON.stringify(events))

/** Process ids of agents, by agent id, as the operating system has them. */
const agentProcess = (agent: string): number => {
  const lines = execFileSync("ps", ["-axo", "pid=,command="], { encoding: "utf8" }).split("\n")
  const environment = (pid: number) => execFileSync("ps", ["eww", "-p", String(pid)], { encoding: "utf8" })
  for (const line of lines) {
    const [, pid, command] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? []
    if (command?.includes("src/gpu-agent/main.ts") && environment(Number(pid)).includes(`AGENT_ID=${agent}`)) return Number(pid)
  }
  throw new Error(`no process of agent ${agent}`)
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const agentOf = async (job: string): Promise<string> => {
  const last = (await eventsByJob()).get(job)?.at(-1)
  assert.strictEqual(last?.name, "started")
  return last?.agent ?? ""
}

describe("kill -9", () => {
  it("of the agent in the middle of a job: another attempt completes it, once", async () => {
    const job = await accepted("steps=30 ms=100")
    await waitFor(job, ["processing"])
    process.kill(agentProcess(await agentOf(job)), "SIGKILL")
    await waitFor(job, ["completed"])
    const events = (await eventsByJob()).get(job)
    endsOnce(events)
    assert.deepStrictEqual(events?.map(({ attempt, name }) => `${name}/${attempt}`), [
      "queued/0", "started/1", "started/2", "completed/2"
    ])
  }, 90_000)

  it("of the broker under load: every accepted job ends once, none is lost", async () => {
    const jobs: Array<string> = []
    const load = new AbortController()
    const submitting = (async () => {
      while (!load.signal.aborted && jobs.length < 400) {
        const result = await submit("steps=2 ms=5", jobs.length % 2).catch(() => undefined)
        if (result?.status === 202) jobs.push(result.body.job_id)
        else await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
    /** The load goes on until this many more are accepted, so that each kill hits a working system. */
    const more = async (count: number) => {
      const wanted = jobs.length + count
      const end = Date.now() + 30_000
      while (jobs.length < wanted && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
      assert.isAtLeast(jobs.length, wanted, "accepted after the broker came back")
    }
    await more(10)
    for (let round = 0; round < 3; round++) {
      await system.broker.kill()
      await system.broker.restart()
      await more(10)
    }
    load.abort()
    await submitting
    for (const job of jobs) await waitFor(job, ["completed"], 120_000)
    const events = await eventsByJob()
    for (const job of jobs) endsOnce(events.get(job))
  }, 240_000)

  it("of the gateway in the middle of a POST: the same Idempotency-Key gives one job", async () => {
    const headers = { "idempotency-key": `"${crypto.randomUUID()}"` }
    const before = new Set((await eventsByJob()).keys())
    const first = submit("steps=20 ms=50 size=9x9", 0, headers).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 15))
    await system.gateways[0]?.kill()
    await first
    const job = await accepted("steps=20 ms=50 size=9x9", 1, headers)
    system.gateways[0]?.start()
    await system.gateways[0]?.ready()
    await waitFor(job, ["completed"])
    const fresh = [...(await eventsByJob()).keys()].filter((id) => !before.has(id))
    assert.deepStrictEqual(fresh, [job])
  }, 90_000)

  it("(or less) of an agent that hangs: the job completes elsewhere, once", async () => {
    const job = await accepted("steps=20 ms=100 size=7x7")
    await waitFor(job, ["processing"])
    const pid = agentProcess(await agentOf(job))
    process.kill(pid, "SIGSTOP")
    try {
      await waitFor(job, ["completed"])
    } finally {
      // The fleet may have replaced the one it no longer hears.
      if (isAlive(pid)) process.kill(pid, "SIGCONT")
    }
    await waitFor(await accepted("steps=1 ms=1"), ["completed"])
    const events = (await eventsByJob()).get(job)
    endsOnce(events)
    assert.strictEqual(events?.at(-1)?.name, "completed")
    assert.isAtLeast(events?.at(-1)?.attempt ?? 0, 2)
  }, 90_000)
})

describe("cancel", () => {
  it("of a running job stops it at the next step and frees the agent", async () => {
    const job = await accepted("steps=600 ms=100")
    await waitFor(job, ["processing"])
    const cancelled = await request(1, `/api/job/${job}/cancel`, { method: "POST" })
    assert.strictEqual(cancelled.status, 200)
    for (const next of [await accepted("steps=1 ms=1"), await accepted("steps=1 ms=1 size=8x8")]) await waitFor(next, ["completed"], 20_000)
    endsOnce((await eventsByJob()).get(job))
    assert.strictEqual((await statusOf(job)).status, "cancelled")
  }, 60_000)
})

describe("a model that misbehaves", () => {
  it("crashes three times: the job fails as model_error, the next job runs", async () => {
    const job = await accepted("steps=4 ms=10 crash_at=2")
    assert.strictEqual((await waitFor(job, ["failed"])).error?.class, "model_error")
    const events = (await eventsByJob()).get(job)
    assert.strictEqual(events?.at(-1)?.attempt, 3)
    await waitFor(await accepted("steps=1 ms=1"), ["completed"])
  }, 90_000)
})
