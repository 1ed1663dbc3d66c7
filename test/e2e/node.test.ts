import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { cluster, ingressUrls, kubectlJson, until } from "./support/cluster.ts"
import { untilWhole } from "./support/faults.ts"
import { Gateway } from "./support/gateway.ts"
import { cpuPool, createPool } from "./support/pools.ts"

/**
 * Proves that a node whose kubelet stands still takes nothing down with it: edits go on while the cluster gives the node up,
 * and everything is whole again once it goes on.
 */

const noticeLimitMs = 90_000
const healLimitMs = 240_000

let gateway: Gateway
let node: string
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, cpuPool("starter"))
  node = (await kubectlJson("get", "nodes")).items.map(({ metadata }: any) => metadata.name).at(-1)
})

const isReady = async () => {
  const { status } = await kubectlJson("get", "node", node)
  return status.conditions.some(({ status, type }: any) => type === "Ready" && status === "True")
}

/** What a Service hears of its pods comes to the nodes a moment later. */
const reachesGateways = async () => {
  const answers = await Promise.all(ingressUrls().map(() => gateway.send("/livez")))
  return answers.every(({ status }) => status === 200) ? true : undefined
}

const thaw = async () => {
  const { code, stderr } = await cluster("thaw", node)
  assert.strictEqual(code, 0, stderr)
  await until(`node ${node} ready again`, async () => ((await isReady()) ? true : undefined), noticeLimitMs)
}
afterAll(thaw)

describe("a node whose kubelet stands still", () => {
  it("is given up, and edits go on", async () => {
    const { code, stderr } = await cluster("freeze", node)
    assert.strictEqual(code, 0, stderr)
    await until(`node ${node} not ready`, async () => ((await isReady()) ? undefined : true), noticeLimitMs)
    const answer = await gateway.edit("make it brighter", { seed: 11 })
    assert.strictEqual(answer.status, 200, JSON.stringify(answer.body).slice(0, 500))
  })

  it("comes back, and everything is whole", async () => {
    await thaw()
    await untilWhole("statefulset", "nats", healLimitMs)
    for (const name of ["operator", "gateway"]) await untilWhole("deployment", name, healLimitMs)
    await until("the Ingress of every node reaching a gateway", reachesGateways, healLimitMs)
    const answer = await gateway.edit("make it brighter", { seed: 12 })
    assert.strictEqual(answer.status, 200, JSON.stringify(answer.body).slice(0, 500))
  })
})
