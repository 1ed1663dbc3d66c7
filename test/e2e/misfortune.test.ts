import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { jobsAtWork, untilAtWork, untilReady } from "./support/agents.ts"
import { kubectl, until } from "./support/cluster.ts"
import { Gateway } from "./support/gateway.ts"
import { assertDoneOnce, eventsOf, statusOf, submit, submitMany, untilEnded } from "./support/load.ts"
import { createPool, deletePool, livePods, noopPool } from "./support/pools.ts"

/**
 * Proves that what goes wrong in a model stays there: an engine that crashes, or takes more memory than its container has, costs its
 * job and nothing else. The kubelet kills nothing, the pod works on, and whoever asked hears why. With one pod, what is urgent goes
 * first, and cancelling frees it; and when that pod is taken away at once, as a spot notice does, the job goes on in the next.
 */

const pool = "misfortune"
const startLimitMs = 180_000
const workLimitMs = 120_000
/** Of these the engine may have half: the rest is for the agent itself. */
const memory = "900Mi"

let gateway: Gateway
let pod: string
beforeAll(async () => {
  gateway = await Gateway.connect()
  const agent = { name: "agent", image: "darkroom.test/agent-test:e2e", resources: { limits: { memory } } }
  await createPool(gateway, noopPool(pool, { replicas: 1, maxReplicas: 1, template: { spec: { containers: [agent] } } }))
  await untilReady(pool, 1, startLimitMs)
  pod = (await livePods(pool))[0].metadata.name
})
afterAll(() => deletePool(pool))

const endOf = async (prompt: string): Promise<any> => {
  const [status] = await untilEnded(gateway, [await submit(gateway, prompt)], workLimitMs)
  return status
}

const assertPodIsUnharmed = async () => {
  assert.strictEqual((await endOf("steps=1")).status, "completed")
  const pods = await livePods(pool)
  assert.deepStrictEqual(pods.map(({ metadata }) => metadata.name), [pod])
  assert.deepStrictEqual(pods[0].status.containerStatuses.map(({ restartCount }: any) => restartCount), [0])
}

describe("a model's misfortune in a pod", () => {
  it("a failure is answered with its reason", async () => {
    const answer = await gateway.edit("steps=2 fail_at=2", { model: "noop" })
    assert.strictEqual(answer.status, 500, JSON.stringify(answer.body).slice(0, 500))
    assert.match(answer.headers.get("content-type") ?? "", /problem\+json/)
    assert.match(JSON.stringify(answer.body), /failed because the prompt said so/)
    await assertPodIsUnharmed()
  })

  it("too much memory ends the engine before the container's limit ends the pod", async () => {
    const { error, status } = await endOf("steps=2 oom_at=1")
    assert.deepStrictEqual({ status, class: error?.class }, { status: "failed", class: "out_of_memory" })
    assert.match(error.message, /more than 450 MiB/)
    await assertPodIsUnharmed()
  })

  it("a crash is tried again, and after three attempts it is the model's fault", async () => {
    const { error, job_id, status } = await endOf("steps=2 crash_at=2")
    assert.deepStrictEqual({ status, class: error?.class }, { status: "failed", class: "model_error" })
    assert.lengthOf((await eventsOf(gateway, job_id)).filter((name) => name === "started"), 3)
    await assertPodIsUnharmed()
  })
})

describe("one pod, many wishes", () => {
  it("what is urgent goes first, and cancelling what runs makes room at once", async () => {
    const hog = await submit(gateway, "steps=400 ms=500")
    await untilAtWork(pool, [hog], workLimitMs)
    const low = await submitMany(gateway, 4, "steps=1 ms=200", { priority: 2 })
    const unwanted = await submit(gateway, "steps=1", { priority: 2 })
    const high = await submitMany(gateway, 4, "steps=1 ms=200", { priority: 0 })

    for (const id of [unwanted, hog]) {
      const answer = await gateway.send(`/api/job/${id}/cancel`, { method: "POST" })
      assert.strictEqual(answer.status, 200, JSON.stringify(answer.body))
    }
    const statuses = await untilEnded(gateway, [...high, ...low], workLimitMs)
    const order = [...statuses].sort((a, b) => Date.parse(a.completed_at) - Date.parse(b.completed_at)).map(({ priority }) => priority)
    // The turns are weighted, eight to one: who came first and is not urgent may have one in between.
    assert.isAtLeast(order.slice(0, 4).filter((priority) => priority === 0).length, 3, order.join(" "))
    await assertDoneOnce(gateway, [...high, ...low])
    for (const id of [unwanted, hog]) assert.strictEqual((await statusOf(gateway, id)).status, "cancelled")
    await until("an agent that is free", async () => ((await jobsAtWork(pool)).size === 0 ? true : undefined), workLimitMs)
    assert.notInclude(await eventsOf(gateway, unwanted), "started")
    await assertPodIsUnharmed()
  })

  it("a pod that is taken away gives its job back at once, and the next one does it", async () => {
    const job = await submit(gateway, "steps=40 ms=500")
    await untilAtWork(pool, [job], workLimitMs)
    await kubectl(["delete", "pod", pod, "--wait=false"])
    const [status] = await untilEnded(gateway, [job], workLimitMs)
    assert.strictEqual(status.status, "completed", JSON.stringify(status.error))
    const events = (await eventsOf(gateway, job)).filter((name) => name !== "step" && name !== "position")
    assert.deepStrictEqual(events, ["queued", "started", "queued", "started", "completed"])
    assert.notInclude((await livePods(pool)).map(({ metadata }) => metadata.name), pod)
  })
})
