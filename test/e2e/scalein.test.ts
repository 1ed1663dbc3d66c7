import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { untilAtWork, untilReady } from "./support/agents.ts"
import { kubectl, sleep, until } from "./support/cluster.ts"
import { Gateway } from "./support/gateway.ts"
import { assertDoneOnce, statusOf, submit, submitMany, untilEnded } from "./support/load.ts"
import { type PodWatch, watchPods } from "./support/podWatch.ts"
import { createPool, deletePool, livePods, noopPool, patchPool, podsUntil } from "./support/pools.ts"

/**
 * Proves that scaling in takes nobody's work away: whether the cooldown is over, `maxReplicas` is lowered below the number of busy
 * agents or `kubectl scale` asks for none in mode External, idle pods go and a busy one is told to go only after its job is done.
 */

const pool = "scalein"
const startLimitMs = 180_000
const goLimitMs = 60_000
const workLimitMs = 180_000
/** Several looks of the operator: time to do the wrong thing. */
const temptationMs = 5_000

let gateway: Gateway
let watch: PodWatch
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, noopPool(pool, { replicas: 4, maxReplicas: 4 }))
  watch = watchPods(pool)
  await untilReady(pool, 4, startLimitMs)
})
afterAll(async () => {
  watch?.stop()
  await deletePool(pool)
})

const names = (pods: ReadonlyArray<any>) => pods.map(({ metadata }) => metadata.name).sort()
const podsOf = (agents: ReadonlyMap<string, string>, jobIds: ReadonlyArray<string>) => jobIds.map((id) => agents.get(id)!).sort()
const stillRun = async (jobIds: ReadonlyArray<string>) => {
  for (const id of jobIds) assert.strictEqual((await statusOf(gateway, id)).status, "processing")
}

/** Each job ended before the pod that ran it was told to go. */
const assertNoneWasHurried = (agents: ReadonlyMap<string, string>, statuses: ReadonlyArray<any>) => {
  for (const { completed_at, job_id } of statuses) {
    const told = watch.told().find(({ pod }) => pod === agents.get(job_id))
    if (told === undefined) continue
    const endedAt = Math.floor(Date.parse(completed_at) / 1_000) * 1_000
    assert.isAtLeast(told.toldAt, endedAt, `${told.pod} was told to go before its job ${job_id} had ended`)
  }
}

describe("scale-in during work", () => {
  it("takes idle pods after the cooldown, and keeps as many busy ones as there are, however few are allowed", async () => {
    const long = await submitMany(gateway, 2, "steps=32 ms=1000")
    const short = await submitMany(gateway, 2, "steps=12 ms=500")
    const agents = await untilAtWork(pool, [...long, ...short], goLimitMs)
    await kubectl(["scale", "gpool", pool, "--replicas=0"])

    const kept = await podsUntil(pool, 2, goLimitMs)
    assert.deepStrictEqual(names(kept), podsOf(agents, long))
    await patchPool(pool, { maxReplicas: 1 })
    const late = await submit(gateway, "steps=2 ms=500")
    await sleep(temptationMs)
    assert.deepStrictEqual(names(await livePods(pool)), podsOf(agents, long))
    await stillRun(long)

    const jobs = [...long, ...short, late]
    const statuses = await untilEnded(gateway, jobs, workLimitMs)
    await podsUntil(pool, 0, goLimitMs)
    await assertDoneOnce(gateway, jobs)
    await until("a watch that has seen all four go", async () => (watch.told().length >= 4 ? true : undefined), goLimitMs)
    assertNoneWasHurried(agents, statuses)
    assert.deepStrictEqual(watch.told().slice(0, 2).map((life) => life.pod).sort(), podsOf(agents, short))
  })

  it("in mode External, kubectl scale to zero waits for those at work, and for nobody else", async () => {
    await patchPool(pool, { scaling: { mode: "External" }, replicas: 3, maxReplicas: 3 })
    await untilReady(pool, 3, startLimitMs)
    const jobs = await submitMany(gateway, 2, "steps=24 ms=500")
    const agents = await untilAtWork(pool, jobs, goLimitMs)
    await kubectl(["scale", "gpool", pool, "--replicas=0"])

    assert.deepStrictEqual(names(await podsUntil(pool, 2, goLimitMs)), podsOf(agents, jobs))
    await stillRun(jobs)
    const statuses = await untilEnded(gateway, jobs, workLimitMs)
    await podsUntil(pool, 0, goLimitMs)
    await assertDoneOnce(gateway, jobs)
    assertNoneWasHurried(agents, statuses)
  })
})
