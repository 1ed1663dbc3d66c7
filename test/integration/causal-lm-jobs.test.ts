import { Effect } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { PipelineRequest } from "../../src/gpu-agent/pipelines/Pipeline.ts"
import { startSystem, type System } from "../../src/testing/System.ts"
import { load, quiet, request } from "../pipelines/causalLmRig.ts"
import { GatewayClient } from "./gatewayClient.ts"

/** The tiny Mistral through the whole system: HTTP, job log, agent, ONNX, and back. */

const model = "tiny-causal-lm"
let system: System
let client: GatewayClient
beforeAll(async () => {
  system = await startSystem({ models: [model], gatewayEnv: { DEFAULT_TEXT_MODEL: model } })
  client = new GatewayClient(system)
}, 60_000)
afterAll(() => system?.stop(), 60_000)

const generate = (json: object) => client.send("/text/generate", { json, headers: { "x-darkroom-attach": "no" } })

/** What the pipeline writes, without the system around it. */
const written = (prompt: string, parameters: PipelineRequest["parameters"], seed: number) =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(load({ generate: "generate" }), (pipeline) => pipeline.run(request(prompt, parameters, seed), quiet))))

/** 200 tokens in a second or more: each run of the graph takes so much longer (src/gpu-agent/engine/faults.ts). */
const slow = { prompt: "tell me a story slow_ms=150", max_tokens: 200, seed: 20 }

const start = async (json: object) => {
  const { body, status } = await client.send("/text/generate", { json, headers: { prefer: "respond-async", "x-darkroom-attach": "no" } })
  assert.strictEqual(status, 202, JSON.stringify(body))
  return String(body.job_id)
}

type Events = Awaited<ReturnType<GatewayClient["events"]>>["events"]
const dataOf = (events: Events, name: string) => events.filter(({ event }) => event === name).map(({ data }) => JSON.parse(data))
const textOf = (events: Events): string => dataOf(events, "text").map(({ text }) => text).join("")
const hasText = (events: Events): boolean => events.some(({ event }) => event === "text")

describe("POST /text/generate", () => {
  it("answers with the pipeline's text for the seed, the prompt, and why it ended", async () => {
    const { body, headers, status } = await generate({ prompt: "Tell me a funny joke 😀", max_tokens: 30, temperature: 1.2, top_p: 0.9, seed: 5 })
    assert.strictEqual(status, 200, JSON.stringify(body))
    const expected = await written("Tell me a funny joke 😀", { max_tokens: 30, temperature: 1.2, top_p: 0.9 }, 5)
    assert.deepStrictEqual(body, { text: expected.text, prompt: "Tell me a funny joke 😀", finish_reason: expected.finish_reason })
    assert.strictEqual(headers.get("x-seed"), "5")
  })
  it("says length when max_tokens ended it, stop when the model did", async () => {
    assert.strictEqual((await generate({ prompt: "a", temperature: 0, max_tokens: 2 })).body.finish_reason, "length")
    assert.strictEqual((await generate({ prompt: "a", temperature: 0, max_tokens: 100 })).body.finish_reason, "stop")
  })
  it("answers 400 with both lengths to a prompt that is longer than the context", async () => {
    const { body, headers, status } = await generate({ prompt: "猫".repeat(200) })
    assert.strictEqual(status, 400)
    assert.include(headers.get("content-type"), "application/problem+json")
    assert.match(body.detail, /^prompt: it is \d{3} tokens long, and tiny-causal-lm reads at most 255\. Shorten it\.$/)
    assert.strictEqual(body.error_class, "invalid_input")
  })
  it("answers 500 when ONNX Runtime cannot allocate, or the process takes too much, and goes on with the next job", async () => {
    for (const word of ["alloc_fails_at=1", "oom_at=1"]) {
      const { body, status } = await generate({ prompt: `Tell me a story ${word}` })
      assert.deepStrictEqual([status, body.error_class], [500, "out_of_memory"], JSON.stringify(body))
      assert.strictEqual((await generate({ prompt: "a", temperature: 0, max_tokens: 2 })).status, 200)
    }
  }, 60_000)
})

describe("the events of a text job", () => {
  it("bring the text as it is written: in order, whole, and once on each stream", async () => {
    const job = await start(slow)
    const first = await client.events(job, { enough: hasText })
    const begun = textOf(first.events)
    const { ended, events } = await client.events(job)
    assert.isTrue(ended)
    const { body } = await client.status(job)
    assert.strictEqual(body.output_text, (await written(slow.prompt, { max_tokens: 200 }, 20)).text)
    assert.strictEqual(textOf(events), body.output_text)
    assert.isTrue(body.output_text.startsWith(begun) && begun.length < body.output_text.length, begun)
    assert.isAbove(dataOf(events, "text").length, 3)
    assert.deepStrictEqual(events.filter(({ event }) => event === "text").map(({ id }) => id), dataOf(events, "text").map(() => undefined))
    const [completed] = dataOf(events, "completed")
    assert.deepInclude(completed, { status: "completed", finish_reason: "length" })
    assert.strictEqual(events.at(-1)?.event, "completed")
    const steps = dataOf(events, "step").filter(({ phase }) => phase === "running")
    assert.deepStrictEqual(steps.map(({ steps }) => steps), steps.map(() => 200))
    // From the log alone, when it is over.
    const later = await client.events(job)
    assert.strictEqual(textOf(later.events), body.output_text)
    assert.lengthOf(dataOf(later.events, "text"), 1)
  }, 60_000)
})

describe("a text job that is cancelled in the middle", () => {
  const cancel = (job: string) => client.send(`/api/job/${job}/cancel`, { method: "POST" })

  const idOf = async (prompt: string): Promise<string> => {
    for (let tries = 0; tries < 200; tries++) {
      const { body } = await client.send("/api/history?limit=5")
      const job = body.jobs.find((job: { prompt: string }) => job.prompt === prompt)
      if (job !== undefined) return job.job_id
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`no job with the prompt ${prompt}`)
  }

  it("ends at the next run, and its events say so", async () => {
    const job = await start(slow)
    await client.events(job, { enough: hasText })
    assert.strictEqual((await cancel(job)).status, 200)
    const { events } = await client.events(job)
    assert.deepInclude(dataOf(events, "cancelled")[0], { status: "cancelled", finish_reason: "cancelled" })
    assert.notProperty((await client.status(job)).body, "output_text")
    // The agent is free again long before the job would have ended.
    const next = await generate({ prompt: "a", temperature: 0, max_tokens: 2 })
    assert.strictEqual(next.status, 200)
    assert.strictEqual((await client.status(job)).body.status, "cancelled")
  }, 60_000)

  it("answers who waited for it with what was written, and finish_reason cancelled", async () => {
    const waited = { prompt: "slow_ms=300 tell me a joke", max_tokens: 200, seed: 4 }
    const waiting = generate(waited)
    const job = await idOf(waited.prompt)
    await client.events(job, { enough: hasText })
    await cancel(job)
    const { body, status } = await waiting
    assert.strictEqual(status, 200, JSON.stringify(body))
    assert.deepInclude(body, { prompt: waited.prompt, finish_reason: "cancelled" })
    const { text = "" } = await written(waited.prompt, { max_tokens: 200 }, 4)
    assert.isTrue(body.text !== "" && text.startsWith(body.text) && body.text.length < text.length, body.text)
  }, 60_000)
})
