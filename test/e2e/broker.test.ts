import { afterAll, afterEach, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { sleep, until } from "./support/cluster.ts"
import { endAbsences, killServer, untilCaughtUp, untilLed } from "./support/broker.ts"
import { untilWhole } from "./support/faults.ts"
import { Gateway } from "./support/gateway.ts"
import { assertCompletedOnce, submit, submitting, untilEnded } from "./support/load.ts"
import { operatorFigures } from "./support/operators.ts"
import { createPool, deletePool, getPool, livePods, noopPool, podsUntil } from "./support/pools.ts"

/**
 * Proves that no single NATS server matters: the leader of WORK, which hands out the jobs and wakes the operator, is killed
 * (SIGKILL) and stays away, once under load and once while the pool has no pods. Another leads; every job that was accepted is
 * completed, once; and a pool at zero is woken by the new leader.
 */

const pool = "brokered"
const prompt = "steps=4 ms=250"
const limitMs = 150_000
const wakeTriesMax = 3

let gateway: Gateway
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, noopPool(pool, { maxReplicas: 3 }))
})
beforeEach(async () => {
  await untilWhole("statefulset", "nats", limitMs)
  await untilCaughtUp(limitMs)
})
afterEach(endAbsences)
afterAll(async () => {
  await endAbsences()
  await untilWhole("statefulset", "nats", limitMs)
  await untilCaughtUp(limitMs)
  await deletePool(pool)
})

const podsByWake = async () => (await operatorFigures()).reduce((sum, { podsByWake }) => sum + podsByWake, 0)
const jobsWorkedOn = async () => ((await getPool(pool)).status?.busyReplicas ?? 0) > 0

describe("the NATS server that leads WORK is killed", () => {
  it("under load: nothing that was accepted is lost, and nothing is done twice", async () => {
    const leader = await untilLed("WORK", limitMs)
    const load = submitting(gateway, 400, prompt)
    await until("an agent at work", async () => ((await jobsWorkedOn()) ? true : undefined), limitMs)
    await killServer(leader)
    await untilLed("WORK", limitMs, { notBy: leader })
    await sleep(3_000)
    const ids = await load.stop()
    assert.strictEqual(new Set(ids).size, ids.length)
    await untilEnded(gateway, ids, limitMs)
    await assertCompletedOnce(gateway, ids)
  })

  it("while no pod is there: the new leader's jobs wake the pool", async () => {
    await podsUntil(pool, 0, limitMs)
    const leader = await untilLed("WORK", limitMs)
    await killServer(leader)
    assert.deepStrictEqual(await livePods(pool), [])
    // One as soon as it is accepted again, another when it is settled who leads.
    const first = await submit(gateway, prompt)
    await untilLed("WORK", limitMs, { notBy: leader })
    await untilEnded(gateway, [first], limitMs)
    const ids = [first]
    let isWoken = false
    // A look that is under way anyway may find a job before its wake-up is heard.
    for (let tries = 0; tries < wakeTriesMax && !isWoken; tries++) {
      await podsUntil(pool, 0, limitMs)
      const before = await podsByWake()
      const id = await submit(gateway, prompt)
      await untilEnded(gateway, [id], limitMs)
      ids.push(id)
      isWoken = await podsByWake() > before
    }
    assert.isTrue(isWoken, "the operator looked because it was time to, not because it was woken")
    await assertCompletedOnce(gateway, ids)
  })
})
