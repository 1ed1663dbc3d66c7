import { randomUUID } from "node:crypto"
import { createParser } from "eventsource-parser"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { untilAtWork } from "./support/agents.ts"
import { kubectl, kubectlJson, tryKubectl, until } from "./support/cluster.ts"
import { Gateway } from "./support/gateway.ts"
import { statusOf } from "./support/load.ts"
import { createPool, deletePool, noopPool } from "./support/pools.ts"

/**
 * Proves that everybody gives an edit its time. The Ingress: one of 100 s, asked for as plainly as can be, is answered with its
 * picture, and its event stream stays open and passes on each step and each keep-alive as it comes. Kubernetes: `kubectl drain` does
 * not evict the agent that is at work on it. And a client that wants to wait 5 s is told then where the result will be.
 */

const pool = "longedit"
const steps = 5
const prompt = `steps=${steps} ms=20000`
const editLimitMs = 280_000
const startLimitMs = 90_000
const client = `longedit-${randomUUID()}`

let gateway: Gateway
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, noopPool(pool))
})
let cordoned: string | undefined
const uncordon = async () => {
  if (cordoned !== undefined) await kubectl(["uncordon", cordoned])
  cordoned = undefined
}
afterAll(async () => {
  await uncordon()
  await deletePool(pool)
})

let isAnswered = false
const jobOfClient = () =>
  until("the long edit in the history", async () => {
    const { body } = await gateway.send("/api/history?limit=100")
    return body.jobs.find((job: any) => job.client_id === client)?.job_id as string | undefined
  }, 60_000)

describe.concurrent("an edit of 100 s", () => {
  it("is answered by the request that sent it", async () => {
    const answer = await gateway.edit(prompt, { model: "noop", client_id: client }, { signal: AbortSignal.timeout(editLimitMs) })
    isAnswered = true
    assert.strictEqual(answer.status, 200, JSON.stringify(answer.body).slice(0, 500))
    assert.strictEqual(answer.body.status, "completed")
    assert.isAtLeast(answer.body.actual_time_s, 100)
    assert.strictEqual(Buffer.from(answer.body.output_b64, "base64").subarray(1, 4).toString(), "PNG")
  })

  it("has a stream of events that is never silent and never held back", async () => {
    const response = await gateway.fetch(`/api/jobs/${await jobOfClient()}/events`, { signal: AbortSignal.timeout(editLimitMs) })
    assert.strictEqual(response.status, 200)
    const seen: Array<{ readonly what: string; readonly chunk: number; readonly isAnswered: boolean }> = []
    let chunk = 0
    const note = (what: string) => void seen.push({ what, chunk, isAnswered })
    const parser = createParser({ onEvent: ({ event }) => note(event ?? "message"), onComment: () => note("keep-alive") })
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) {
      chunk++
      parser.feed(decoder.decode(bytes, { stream: true }))
    }
    const words = seen.map(({ what }) => what).join(" ")
    assert.strictEqual(seen.at(-1)?.what, "completed", words)
    const during = seen.slice(seen.findIndex(({ what }) => what === "started"), -1).filter(({ what }) => what === "step" || what === "keep-alive")
    assert.isAtLeast(during.filter(({ what }) => what === "step").length, steps, words)
    assert.isAtLeast(during.filter(({ what }) => what === "keep-alive").length, steps - 1, words)
    // Steps and keep-alives take turns for 100 s: one that was held back would have come with another, or after the answer.
    assert.isTrue(during.every(({ isAnswered }) => !isAnswered), words)
    const alive = during.filter(({ what }) => what === "keep-alive").map(({ chunk }) => chunk)
    assert.strictEqual(new Set(alive).size, alive.length, `keep-alives came together: ${words}`)
  })

  it("keeps its agent: kubectl drain waits for one that has worked for half a minute", async () => {
    const job = await jobOfClient()
    const pod = (await untilAtWork(pool, [job], startLimitMs)).get(job)!
    const { spec } = await until("the pod being labelled busy", async () => {
      const found = await kubectlJson("get", "pod", pod)
      return found.metadata.labels["darkroom.dev/busy"] === "true" ? found : undefined
    }, startLimitMs)
    cordoned = spec.nodeName
    const drained = await tryKubectl(["drain", spec.nodeName, `--pod-selector=darkroom.dev/pool=${pool}`, "--delete-emptydir-data", "--timeout=8s"])
    await uncordon()
    assert.notStrictEqual(drained.code, 0, drained.stdout)
    assert.match(drained.stderr, new RegExp(`${pod}.*disruption budget`, "s"))
    assert.strictEqual((await statusOf(gateway, job)).status, "processing")
  })

  it("leaves the others in peace: who waits 5 s for another edit is told where it will be", async () => {
    const answer = await gateway.edit("steps=1 ms=15000", { model: "noop" }, { headers: { prefer: "wait=5" } })
    assert.strictEqual(answer.status, 202, JSON.stringify(answer.body).slice(0, 500))
    assert.strictEqual(answer.headers.get("preference-applied"), "wait=5")
    assert.strictEqual(answer.headers.get("location"), `/api/status/${answer.body.job_id}`)
    await until("the end of the other edit", async () => ((await statusOf(gateway, answer.body.job_id)).status === "completed" ? true : undefined), 120_000)
    assert.isFalse(isAnswered)
  })
})
