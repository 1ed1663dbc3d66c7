import { rmSync } from "node:fs"
import { join } from "node:path"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { afterAll, assert, beforeAll, beforeEach, describe, it, onTestFailed } from "vitest"
import { jobSubjects } from "../../src/contract/subjects.ts"
import { startSystem, type System } from "../../src/testing/System.ts"
import { GatewayClient, pixel } from "./gatewayClient.ts"

/** A gateway that stops, starts again, loses its broker or its projection. */

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const eventually = async (what: string, check: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> => {
  const end = Date.now() + timeoutMs
  while (Date.now() < end) {
    if (await check().catch(() => false)) return
    await pause(50)
  }
  throw new Error(`${what} did not happen within ${timeoutMs} ms`)
}

const logsOnFailure = (system: System) => onTestFailed(() => console.error(system.logs().slice(-8_000)))

describe.each([1, 2])("%i gateway(s) on one log", (gateways) => {
  let system: System
  let client: GatewayClient
  const ready = (gateway = 0) =>
    eventually("ready", async () => (await fetch(`${system.gateways[gateway]!.url}/readyz`)).ok)
  /** Everything that follows happens to the first gateway; the other one, if any, goes on. */
  const toFirst = (path: string, init: RequestInit = {}) =>
    fetch(`${system.gateways[0]!.url}${path}`, { ...init, headers: { "x-api-key": system.key, ...init.headers } })
  beforeAll(async () => {
    system = await startSystem({ gateways, maxReplicas: 1, env: { GATEWAY_GRACE: "3s", NATS_REQUEST_TIMEOUT_MS: "2000" } })
    client = new GatewayClient(system)
  }, 90_000)
  afterAll(() => system?.stop(), 60_000)
  beforeEach(() => logsOnFailure(system))

  const editAtFirst = (prompt: string) =>
    toFirst("/api/edit", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt, image: pixel })
    })

  it("SIGTERM lets a waiting edit finish, ends streams with retry, and exits with 0", async () => {
    const first = system.gateways[0]!
    const waiting = editAtFirst("steps=4 ms=300 finishing")
    const job = await startedJob("finishing")
    const stream = toFirst(`/api/jobs/${job}/events`).then((response) => response.text())
    await pause(200)
    const exit = first.stop()
    assert.match(await stream, /retry: 500\n\n$/)
    assert.strictEqual((await waiting).status, 200)
    assert.strictEqual(await exit, 0)
    first.start()
    await ready()
  })

  it("what does not finish within the grace time is answered 502 with its id, and goes on", async () => {
    const first = system.gateways[0]!
    const waiting = editAtFirst("steps=30 ms=300 lasting")
    const job = await startedJob("lasting")
    const exit = first.stop()
    const response = await waiting
    const body = await response.json() as { job_id: string; detail: string }
    assert.deepStrictEqual([response.status, body.job_id], [502, job])
    assert.include(body.detail, "restarted")
    assert.strictEqual(await exit, 0)
    first.start()
    await ready()
    await client.until(job, ["completed"])
  })

  it("a gateway takes jobs as soon as it is ready, before it has heard the fleet", async () => {
    const first = system.gateways[0]!
    await first.kill()
    first.start()
    await ready()
    const response = await editAtFirst("steps=1 first")
    assert.strictEqual(response.status, 200, await response.text())
  })

  it("a deleted projection is rebuilt from the log, a kept one goes on from its cursor", async () => {
    const first = system.gateways[0]!
    const view = async () => ({
      history: await (await toFirst("/api/history?limit=100")).json(),
      queue: await (await toFirst("/api/queue")).json() as object
    })
    const before = await view()
    for (const remove of [true, false]) {
      await first.kill()
      for (const suffix of remove ? ["", "-wal", "-shm"] : []) {
        rmSync(join(system.dir, "gateway-0", `projection.sqlite${suffix}`), { force: true })
      }
      first.start()
      await ready()
      await eventually("the pool's status", async () => JSON.stringify(await view()) === JSON.stringify(before), 10_000).catch(() => undefined)
      assert.deepStrictEqual(await view(), before)
    }
  })

  it("while the broker is away new jobs are refused with 503 and Retry-After; afterwards everything goes on", async () => {
    await system.broker.kill()
    await eventually("not ready", async () => (await toFirst("/readyz")).status === 503)
    const response = await editAtFirst("x")
    assert.strictEqual(response.status, 503)
    assert.isNotNull(response.headers.get("retry-after"))
    assert.strictEqual((await toFirst("/livez")).status, 200)
    assert.strictEqual((await toFirst("/readyz?exclude=api_keys")).status, 503)
    const shared = await toFirst("/readyz?exclude=job_log")
    assert.strictEqual(shared.status, 200, await shared.clone().text())
    assert.isFalse((await shared.json() as { checks: { job_log: { ok: boolean } } }).checks.job_log.ok)
    await system.broker.restart()
    for (let gateway = 0; gateway < gateways; gateway++) await ready(gateway)
    await eventually("an edit", async () => (await client.edit("steps=1 again")).status === 200)
    await eventually("in the history", async () => (await client.send("/api/history?limit=1")).body.jobs[0].prompt === "steps=1 again")
  }, 60_000)

  it("an edit that waits survives a restart of the broker", async () => {
    const waiting = client.edit("steps=12 ms=300 through")
    await startedJob("through")
    await system.broker.kill()
    await system.broker.restart()
    const { body, status } = await waiting
    assert.strictEqual(status, 200, JSON.stringify(body))
  }, 60_000)

  it("a job that has aged out of the log leaves history and counts of a running gateway", async () => {
    const old = (await client.edit("steps=1 old")).body.job_id as string
    const kept = (await client.edit("steps=1 kept")).body.job_id as string
    const nc = await connect({ servers: system.broker.url })
    try {
      const jsm = await jetstreamManager(nc)
      await jsm.streams.purge("EVENTS", { filter: jobSubjects(old) })
      const last = await jsm.streams.getMessage("EVENTS", { last_by_subj: jobSubjects(kept) })
      await jsm.streams.purge("EVENTS", { seq: last!.seq })
    } finally {
      await nc.close()
    }
    await eventually("only the other in the history", async () => {
      const { body } = await client.send("/api/history?limit=100")
      return body.jobs.map((job: { job_id: string }) => job.job_id).join() === kept
    })
  }, 60_000)

  const startedJob = async (name: string): Promise<string> => {
    let found: { job_id: string } | undefined
    await eventually(`start of ${name}`, async () => {
      const { body } = await client.send("/api/history?limit=5&status=processing")
      found = body.jobs.find((job: { prompt: string }) => job.prompt.endsWith(name))
      return found !== undefined
    })
    return found!.job_id
  }
})
