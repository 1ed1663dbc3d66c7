import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { until } from "./support/cluster.ts"
import { containerOf, kill, podNamesOf, untilWhole } from "./support/faults.ts"
import { Gateway } from "./support/gateway.ts"
import { assertDoneOnce, submitMany, untilEnded } from "./support/load.ts"
import { type Leader, leaseHolder, operatorFigures } from "./support/operators.ts"
import { type PodCensus, takeCensus } from "./support/podWatch.ts"
import { createPool, deletePool, noopPool, podsUntil } from "./support/pools.ts"

/**
 * Proves that of two operators one works and the other waits: only the holder of the Lease looks after pools. When it is killed
 * (SIGKILL) in the middle of a scale-out from zero, or both are with work waiting, another takes over by itself: never more pods
 * than maxReplicas, each job done once, and the pool is at zero again afterwards.
 */

const pool = "operated"
const maxReplicas = 4
const prompt = "steps=4 ms=500"
/** A lease of 15 s, the start of agents, and a machine that does other things, too. */
const limitMs = 150_000

let gateway: Gateway
let census: PodCensus
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, noopPool(pool, { maxReplicas }))
  census = takeCensus(pool)
})
beforeEach(() => untilWhole("deployment", "operator", limitMs))
afterAll(async () => {
  census?.stop()
  await untilWhole("deployment", "operator", limitMs)
  await deletePool(pool)
})

const assertOneWorks = async () => {
  const { identity, pod } = await leaseHolder()
  const operators = await operatorFigures()
  assert.lengthOf(operators, 2)
  for (const operator of operators) {
    assert.strictEqual(operator.leads, operator.pod === pod, `${identity} holds the lease: ${JSON.stringify(operator)}`)
    if (operator.leads) assert.isAbove(operator.reconciles, 0)
    else assert.deepInclude(operator, { reconciles: 0, podsCreated: 0 })
  }
}

const assertTakenOver = async (from: Leader) => {
  const { identity } = await leaseHolder()
  assert.notInclude(["", from.identity], identity, "another process holds the lease")
}

describe("two operators", () => {
  it("one works, the other waits", assertOneWorks)

  it("the leader is killed in the middle of a scale-out: the other finishes it", async () => {
    const leader = await leaseHolder()
    const container = await containerOf(leader.pod)
    const [first] = await Promise.all([
      submitMany(gateway, 1, prompt),
      until("the first pod", async () => (census.names().length > 0 ? true : undefined), limitMs).then(() => kill(container))
    ])
    // For these there is nobody yet who creates pods.
    const ids = [...first, ...await submitMany(gateway, 11, prompt)]
    await until("as many pods as the pool may have", async () => (census.most() >= maxReplicas ? true : undefined), limitMs)
    await untilEnded(gateway, ids, limitMs)
    await assertDoneOnce(gateway, ids)
    await assertTakenOver(leader)
    await podsUntil(pool, 0, limitMs)
    assert.strictEqual(census.most(), maxReplicas)
  })

  it("both are killed with work waiting: it is done when one of them is back", async () => {
    const leader = await leaseHolder()
    const containers = await Promise.all((await podNamesOf("darkroom-operator")).map(containerOf))
    await Promise.all(containers.map(kill))
    const ids = await submitMany(gateway, 6, prompt)
    await untilEnded(gateway, ids, limitMs)
    await assertDoneOnce(gateway, ids)
    await assertTakenOver(leader)
    await podsUntil(pool, 0, limitMs)
    assert.isAtMost(census.most(), maxReplicas)
  })

  it("and again one works, the other waits", assertOneWorks)
})
