import { randomUUID } from "node:crypto"
import { createParser } from "eventsource-parser"
import sharp from "sharp"
import { assert, chai } from "vitest"
import { sleep } from "./cluster.ts"
import type { Gateway } from "./gateway.ts"

/** Work for a pool, sent as a careful client sends it: one Idempotency-Key a job, again until there is an answer. */

const retryMs = 500
const answerLimitMs = 120_000
const attemptLimitMs = 20_000
const streamLimitMs = 60_000
/** In base64. */
export const tinyPhoto = (await sharp({ create: { width: 64, height: 64, channels: 3, background: "teal" } }).png().toBuffer()).toString("base64")
const ended = new Set(["completed", "failed", "cancelled"])

/** What a client may meet while gateways, brokers and nodes come and go: try again. Every other refusal is a fault of the test or of Darkroom. */
const passing = new Set([409, 429, 502, 503, 504])

const persist = async <A>(what: string, attempt: () => Promise<{ readonly value: A } | { readonly again: string }>): Promise<A> => {
  const end = Date.now() + answerLimitMs
  let last = "nothing"
  while (Date.now() < end) {
    const result = await attempt().catch((error: unknown) => {
      if (error instanceof chai.AssertionError) throw error
      return { again: String(error) }
    })
    if ("value" in result) return result.value
    last = result.again
    await sleep(retryMs)
  }
  throw new Error(`${what}: no answer within ${answerLimitMs / 1000} s; last: ${last}`)
}

export interface JobOptions {
  readonly model?: string
  readonly priority?: number
  readonly clientId?: string
}

/** The id of a job that was accepted. The prompt tells the noop model what to do: "steps=10 ms=200". */
export const submit = (gateway: Gateway, prompt: string, { clientId, model = "noop", priority = 1 }: JobOptions = {}): Promise<string> => {
  const key = randomUUID()
  return persist("submitting a job", async () => {
    const answer = await gateway.send("/api/edit", {
      headers: { prefer: "respond-async", "idempotency-key": key },
      json: { image: tinyPhoto, prompt, model, priority, ...(clientId === undefined ? {} : { client_id: clientId }) },
      signal: AbortSignal.timeout(attemptLimitMs)
    })
    if (passing.has(answer.status)) return { again: `${answer.status} ${JSON.stringify(answer.body)}` }
    assert.strictEqual(answer.status, 202, JSON.stringify(answer.body))
    return { value: answer.body.job_id }
  })
}

export const submitMany = (gateway: Gateway, count: number, prompt: string, options?: JobOptions): Promise<ReadonlyArray<string>> =>
  Promise.all(Array.from({ length: count }, () => submit(gateway, prompt, options)))

export const statusOf = (gateway: Gateway, jobId: string): Promise<any> =>
  persist(`the status of ${jobId}`, async () => {
    const answer = await gateway.send(`/api/status/${jobId}`, { signal: AbortSignal.timeout(attemptLimitMs) })
    if (passing.has(answer.status)) return { again: `${answer.status} ${JSON.stringify(answer.body)}` }
    assert.strictEqual(answer.status, 200, JSON.stringify(answer.body))
    return { value: answer.body }
  })

/** Each job's status, once all of them have ended. */
export const untilEnded = async (gateway: Gateway, jobIds: ReadonlyArray<string>, limitMs: number): Promise<ReadonlyArray<any>> => {
  const end = Date.now() + limitMs
  const found = new Map<string, any>()
  while (found.size < jobIds.length) {
    const open = jobIds.filter((id) => !found.has(id))
    if (Date.now() > end) throw new Error(`${open.length} of ${jobIds.length} jobs did not end within ${limitMs / 1000} s, among them ${open.slice(0, 3).join(", ")}`)
    for (const id of open) {
      const status = await statusOf(gateway, id)
      if (ended.has(status.status)) found.set(id, status)
    }
    await sleep(retryMs)
  }
  return jobIds.map((id) => found.get(id))
}

/** Names of all events that a job's log has, from its first to its end: "started" once for each agent that took it. */
export const eventsOf = (gateway: Gateway, jobId: string): Promise<ReadonlyArray<string>> =>
  persist(`the events of ${jobId}`, async () => {
    const response = await gateway.fetch(`/api/jobs/${jobId}/events`, { signal: AbortSignal.timeout(streamLimitMs) })
    if (passing.has(response.status)) return { again: String(response.status) }
    assert.strictEqual(response.status, 200)
    const names: Array<string> = []
    const parser = createParser({ onEvent: ({ event }) => void names.push(event ?? "message") })
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }))
    return names.some((name) => ended.has(name)) ? { value: names } : { again: `the stream ended after ${names.join(" ")}` }
  })

/** Submits a job every so often until it is stopped; the ids of all that were accepted. */
export const submitting = (gateway: Gateway, everyMs: number, prompt: string, options?: JobOptions): { readonly stop: () => Promise<ReadonlyArray<string>> } => {
  const state = { going: true }
  const accepted = (async () => {
    const jobs: Array<Promise<string>> = []
    while (state.going) {
      jobs.push(submit(gateway, prompt, options))
      await sleep(everyMs)
    }
    return Promise.all(jobs)
  })()
  // A failure is told by whoever waits for the ids, not by the process.
  accepted.catch(() => undefined)
  return {
    stop: () => {
      state.going = false
      return accepted
    }
  }
}

/** Fails unless each job came to one end, its completion; agents that lost the broker may have begun more than once. */
export const assertCompletedOnce = async (gateway: Gateway, jobIds: ReadonlyArray<string>): Promise<void> => {
  for (const id of jobIds) {
    const events = await eventsOf(gateway, id)
    assert.deepStrictEqual(events.filter((name) => ended.has(name)), ["completed"], `${id}: ${events.join(" ")}`)
  }
}

/** Fails unless each job was done, by one agent, in one go. */
export const assertDoneOnce = async (gateway: Gateway, jobIds: ReadonlyArray<string>): Promise<void> => {
  for (const id of jobIds) {
    const events = await eventsOf(gateway, id)
    assert.deepStrictEqual(events.filter((name) => name === "started" || ended.has(name)), ["started", "completed"], `${id}: ${events.join(" ")}`)
  }
}
