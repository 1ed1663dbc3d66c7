import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startSystem, type System } from "../../src/testing/System.ts"

/** The log fills up while a job runs: room for new jobs ends first, the result waits in the agent, nothing is lost. */

const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
const junkSubject = "jobs.junk.released.x.x.p1s0.x"

let system: System
let nc: NatsConnection
beforeAll(async () => {
  system = await startSystem({ env: { DARKROOM_EVENTS_MAX_BYTES: String(2 * 1024 * 1024) } })
  nc = await connect({ servers: system.broker.url })
}, 60_000)
afterAll(async () => {
  await nc?.close()
  await system?.stop()
}, 60_000)

const request = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${system.gateways[0]?.url}${path}`, {
    ...init,
    headers: { "x-api-key": system.key, "content-type": "application/json", prefer: "respond-async", "x-darkroom-attach": "no" }
  })
  return { status: response.status, headers: response.headers, body: await response.json() as Record<string, unknown> }
}

const submit = (prompt: string) => request("/api/edit", { method: "POST", body: JSON.stringify({ image: pixel, prompt }) })
const statusOf = async (job: unknown) => (await request(`/api/status/${String(job)}`)).body["status"]

const until = async (what: string, check: () => Promise<boolean>) => {
  const end = Date.now() + 60_000
  while (Date.now() < end) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${what} did not happen\n${system.logs()}`)
}

/** Fills EVENTS until the broker refuses; the last bytes go with messages of a few bytes. */
const fill = async () => {
  const js = jetstream(nc)
  for (const bytes of [100_000, 10_000, 500, 1]) {
    for (let count = 0; count < 500; count++) {
      const refused = await js.publish(junkSubject, new Uint8Array(bytes)).then(() => false, () => true)
      if (refused) break
    }
  }
}

describe("rule 6: a log that fills up in the middle of a job", () => {
  it("refuses new jobs with 503, keeps the result of the running one, and goes on when there is room", async () => {
    const { body, status } = await submit("steps=30 ms=100")
    assert.strictEqual(status, 202)
    const job = body["job_id"]
    await until("the job to run", async () => await statusOf(job) === "processing")
    await fill()

    await until("new jobs to be refused", async () => (await submit("steps=1 ms=1")).status === 503)
    const refused = await submit("steps=1 ms=1")
    assert.strictEqual(refused.status, 503)
    assert.isAbove(Number(refused.headers.get("retry-after")), 0)

    // The model ends within 3 s; its result finds no room and waits.
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    assert.strictEqual(await statusOf(job), "processing")

    const jsm = await jetstreamManager(nc)
    await jsm.streams.purge("EVENTS", { filter: junkSubject })
    await until("the result to be recorded", async () => await statusOf(job) === "completed")
    const message = await jsm.streams.getMessage("EVENTS", { last_by_subj: `jobs.${String(job)}.>` })
    assert.strictEqual(message?.json<{ data: { attempt: number } }>().data.attempt, 1, "the same attempt: nothing ran twice")

    await until("new jobs to be accepted again", async () => (await submit("steps=1 ms=1 size=9x9")).status === 202)
  }, 150_000)
})
