import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { tryKubectl, until } from "./support/cluster.ts"
import { startPart, stopPart, untilWhole } from "./support/faults.ts"
import { Gateway } from "./support/gateway.ts"
import { assertDoneOnce, statusOf, submit, submitMany, untilEnded } from "./support/load.ts"
import { createPool, deletePool, livePods, noopPool, podsUntil } from "./support/pools.ts"

/**
 * Proves that work does not need the Kubernetes API: while kube-apiserver is away a running job ends, jobs are accepted, and the
 * agents that are there do them. What waits for more agents waits, and is done once the API server is back: the operator goes on
 * scaling by itself, from what there is.
 */

const pool = "apiless"
const maxReplicas = 3
const long = "steps=12 ms=1000"
const short = "steps=2 ms=250"
/** Jobs that one agent would work at for longer than the API server is away. */
const slow = "steps=12 ms=1000"
const limitMs = 150_000
const kubectlAnswers = async () => (await tryKubectl(["get", "--raw", "/readyz"])).code === 0

let gateway: Gateway
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, noopPool(pool, { maxReplicas }))
})

const startApiServer = async () => {
  if (await kubectlAnswers()) return
  await startPart("kube-apiserver")
  await until("the API server ready", async () => ((await kubectlAnswers()) ? true : undefined), limitMs)
}
afterAll(async () => {
  await startApiServer()
  for (const name of ["gateway", "operator"]) await untilWhole("deployment", name, limitMs)
  await untilWhole("statefulset", "nats", limitMs)
  await deletePool(pool)
})

const isProcessing = async (id: string) => (await statusOf(gateway, id)).status === "processing"

describe("the API server is away and comes back", () => {
  let waiting: ReadonlyArray<string>

  it("while it is away a running job ends, and more are accepted and done", async () => {
    const running = await submit(gateway, long)
    await until("the job at an agent", async () => ((await isProcessing(running)) ? true : undefined), limitMs)
    await stopPart("kube-apiserver")
    const more = await submitMany(gateway, 4, short)
    await untilEnded(gateway, [running, ...more], limitMs)
    waiting = await submitMany(gateway, 5, slow)
    await until("one of them at the agent that is there", async () => {
      const processing = await Promise.all(waiting.map(isProcessing))
      return processing.includes(true) ? true : undefined
    }, limitMs)
    assert.isFalse(await kubectlAnswers(), "the API server was away all the time")
    await assertDoneOnce(gateway, [running, ...more])
  })

  it("when it is back, the operator makes the pods that are missing, and everything is done", async () => {
    await startApiServer()
    await podsUntil(pool, maxReplicas, limitMs)
    await untilEnded(gateway, waiting, limitMs)
    await assertDoneOnce(gateway, waiting)
  })

  it("and goes on: back to zero, and from zero again", async () => {
    await podsUntil(pool, 0, limitMs)
    const id = await submit(gateway, short)
    await until("a pod", async () => (await livePods(pool))[0], limitMs)
    await untilEnded(gateway, [id], limitMs)
  })
})
