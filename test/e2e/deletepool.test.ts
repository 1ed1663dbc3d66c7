import { randomUUID } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { lanesOf, untilAtWork, untilReady } from "./support/agents.ts"
import { kubectl, tryKubectl, until } from "./support/cluster.ts"
import { Gateway } from "./support/gateway.ts"
import { assertDoneOnce, eventsOf, statusOf, submit, submitMany, untilEnded } from "./support/load.ts"
import { createPool, deletePool, getPool, noopPool } from "./support/pools.ts"

/**
 * Proves that a pool can be deleted while it is full of work: nobody sends it more, what runs is finished, what waits fails in words
 * that say why and that it may be tried again, and then pods, lanes and the resource are gone. A pool of the same name is a new one.
 */

const pool = "deletepool"
const startLimitMs = 180_000
const workLimitMs = 180_000
const goneLimitMs = 90_000
const spec = { replicas: 2, maxReplicas: 2 }

let gateway: Gateway
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, noopPool(pool, spec))
  await untilReady(pool, 2, startLimitMs)
})
afterAll(() => deletePool(pool))

const offer = () =>
  gateway.edit("steps=1", { model: "noop" }, { headers: { prefer: "respond-async", "idempotency-key": randomUUID() } })

describe("deleting a pool", () => {
  let running: ReadonlyArray<string>
  let queued: ReadonlyArray<string>

  it("begins with work in it and work before it", async () => {
    running = await submitMany(gateway, 2, "steps=50 ms=500")
    await untilAtWork(pool, running, workLimitMs)
    queued = await submitMany(gateway, 4, "steps=1")
    for (const id of queued) assert.strictEqual((await statusOf(gateway, id)).status, "queued")
    assert.isNotEmpty(await lanesOf(pool))
    await kubectl(["delete", "gpool", pool, "--wait=false"])
  })

  it("turns new work away at once, while what runs goes on", async () => {
    const refused = await until("503 for new jobs", async () => {
      const answer = await offer()
      // A gateway that has not heard of it yet accepts; such a job is like the ones that wait.
      if (answer.status === 202) queued = [...queued, answer.body.job_id]
      return answer.status === 503 ? answer : undefined
    }, 30_000)
    assert.match(refused.headers.get("content-type") ?? "", /problem\+json/)
    for (const id of running) assert.strictEqual((await statusOf(gateway, id)).status, "processing")
    assert.isNotEmpty((await getPool(pool)).metadata.finalizers)
  })

  it("finishes what runs, and fails what waits as pool_deleted", async () => {
    await untilEnded(gateway, running, workLimitMs)
    await assertDoneOnce(gateway, running)
    for (const status of await untilEnded(gateway, queued, workLimitMs)) {
      assert.strictEqual(status.status, "failed")
      assert.strictEqual(status.error.class, "pool_deleted")
      assert.include(status.error.message, `"${pool}"`)
      assert.notInclude(await eventsOf(gateway, status.job_id), "started")
    }
  })

  it("leaves nothing: no pod, no lane, no resource", async () => {
    await until("a pool that is gone", async () => ((await tryKubectl(["get", "gpool", pool])).code === 0 ? undefined : true), goneLimitMs)
    assert.strictEqual(await kubectl(["get", "pods", "-l", `darkroom.dev/pool=${pool}`, "-o", "name"]), "")
    assert.deepStrictEqual(await lanesOf(pool), [])
    assert.strictEqual((await offer()).status, 503)
    assert.strictEqual((await gateway.queue(pool)).status, 404)
  })

  it("and one of the same name begins anew, and takes up what had failed when asked to", async () => {
    await createPool(gateway, noopPool(pool, { maxReplicas: 1 }))
    const fresh = await submit(gateway, "steps=1")
    const again = queued[0]!
    const retried = await gateway.send(`/api/job/${again}/retry`, { method: "POST" })
    assert.strictEqual(retried.status, 200, JSON.stringify(retried.body))
    const statuses = await untilEnded(gateway, [fresh, again], workLimitMs)
    assert.deepStrictEqual(statuses.map(({ status }) => status), ["completed", "completed"])
    await assertDoneOnce(gateway, [fresh])
  })
})
