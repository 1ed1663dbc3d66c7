import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { until } from "./support/cluster.ts"
import { Gateway } from "./support/gateway.ts"
import { eventsOf, submitMany, untilEnded } from "./support/load.ts"
import { createPool, deletePool, livePods, noopPool, podsUntil } from "./support/pools.ts"

/**
 * Proves that a burst is worked off by as many pods as the pool may have, never more: 40 jobs at once on a pool of at most 4, which
 * has none when they come. Each job is done once, and afterwards the pool is at zero again.
 */

const pool = "burst"
const jobs = 40
const maxReplicas = 4
const prompt = "steps=4 ms=500"
const burstLimitMs = 240_000

let gateway: Gateway
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, noopPool(pool, { maxReplicas }))
})
afterAll(() => deletePool(pool))

describe("40 jobs on at most 4 pods", () => {
  it("are all done, each by one agent, and no fifth pod is seen", async () => {
    const ids = await submitMany(gateway, jobs, prompt)
    assert.strictEqual(new Set(ids).size, jobs)
    const seen: Array<number> = []
    const all = untilEnded(gateway, ids, burstLimitMs)
    await until("four pods", async () => {
      seen.push((await livePods(pool)).length)
      return seen.at(-1) === maxReplicas ? true : undefined
    }, 60_000)
    const statuses = await all
    seen.push((await livePods(pool)).length)
    assert.deepStrictEqual([...new Set(statuses.map(({ status }) => status))], ["completed"])
    assert.isAtMost(Math.max(...seen), maxReplicas)
    for (const id of ids) {
      const events = await eventsOf(gateway, id)
      assert.deepStrictEqual(events.filter((name) => name === "started" || name === "completed"), ["started", "completed"], `${id}: ${events.join(" ")}`)
    }
  })

  it("and the pool goes back to zero", () => podsUntil(pool, 0, 60_000))
})
