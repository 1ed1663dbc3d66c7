import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { createParser, type EventSourceMessage } from "eventsource-parser"
import { assert } from "vitest"
import type { Scope } from "../../src/contract/ApiKey.ts"
import { ApiKeys } from "../../src/platform/nats/ApiKeys.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import type { System } from "../../src/testing/System.ts"

/** A client of one system that turns to its gateways in turns, so that each call may meet another gateway than the last. */

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: any
}

export interface SendOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly key?: string | undefined
  readonly json?: unknown
  readonly body?: BodyInit
  readonly signal?: AbortSignal
}

const pollMs = 50

export class GatewayClient {
  readonly system: System
  #turn = 0

  constructor(system: System) {
    this.system = system
  }

  /** Base URL of the gateway whose turn it is. */
  next(): string {
    return this.system.gateways[this.#turn++ % this.system.gateways.length]!.url
  }

  fetch(path: string, { body, headers, json, key = this.system.key, method, signal }: SendOptions = {}): Promise<Response> {
    return fetch(`${this.next()}${path}`, {
      method: method ?? (json === undefined && body === undefined ? "GET" : "POST"),
      headers: {
        ...(key === "" ? {} : { "x-api-key": key }),
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...headers
      },
      ...(json !== undefined ? { body: JSON.stringify(json) } : body !== undefined ? { body } : {}),
      ...(signal === undefined ? {} : { signal })
    })
  }

  async send(path: string, options: SendOptions = {}): Promise<Answer> {
    const response = await this.fetch(path, options)
    const text = await response.text()
    const isJson = response.headers.get("content-type")?.includes("json") === true
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }

  edit(prompt: string, fields: object = {}, options: SendOptions = {}): Promise<Answer> {
    return this.send("/api/edit", { ...options, json: { image: pixel, prompt, ...fields } })
  }

  /** Submits without waiting; gives the job's id. */
  async start(prompt: string, fields: object = {}, options: SendOptions = {}): Promise<string> {
    const answer = await this.edit(prompt, fields, {
      ...options,
      headers: { prefer: "respond-async", "x-darkroom-attach": "no", ...options.headers }
    })
    assert.strictEqual(answer.status, 202, JSON.stringify(answer.body))
    return answer.body.job_id
  }

  status(job: string, options: SendOptions = {}): Promise<Answer> {
    return this.send(`/api/status/${job}`, options)
  }

  /** Until the job is in one of the states; fails after `timeoutMs`. */
  async until(job: string, states: ReadonlyArray<string>, timeoutMs = 20_000): Promise<any> {
    const end = Date.now() + timeoutMs
    let last: Answer | undefined
    while (Date.now() < end) {
      last = await this.status(job)
      if (states.includes(last.body.status)) return last.body
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
    throw new Error(`job ${job} is not ${states.join(" or ")} after ${timeoutMs} ms, but ${JSON.stringify(last?.body)}\n${this.system.logs().slice(-3_000)}`)
  }

  /** Value of a series of a gateway's /metrics. */
  async metric(gateway: number, series: string): Promise<number | undefined> {
    const text = await (await fetch(`${this.system.gateways[gateway]!.metricsUrl}/metrics`)).text()
    const line = text.split("\n").find((line) => line.startsWith(`${series} `))
    return line === undefined ? undefined : Number(line.slice(series.length + 1))
  }

  async metricUntil(gateway: number, series: string, wanted: number, timeoutMs = 10_000): Promise<void> {
    const end = Date.now() + timeoutMs
    let value: number | undefined
    while (Date.now() < end) {
      value = await this.metric(gateway, series)
      if (value === wanted) return
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
    assert.strictEqual(value, wanted, series)
  }

  /** A key with these scopes only. */
  makeKey(name: string, scopes: ReadonlyArray<Scope>): Promise<string> {
    const layer = ApiKeys.layer.pipe(
      Layer.provide(Connection.layer("test")),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: this.system.broker.url })))
    )
    return Effect.runPromise(
      ApiKeys.use((keys) => keys.create({ name, scopes })).pipe(
        Effect.map(({ key }) => Redacted.value(key)),
        Effect.provide(layer)
      )
    )
  }

  /** The events of a job's stream until it ends, or until `enough`. */
  async events(
    job: string,
    options: { readonly lastEventId?: string; readonly enough?: (events: ReadonlyArray<EventSourceMessage>) => boolean } = {}
  ): Promise<{ readonly status: number; readonly events: ReadonlyArray<EventSourceMessage>; readonly comments: ReadonlyArray<string>; readonly retries: ReadonlyArray<number>; readonly ended: boolean }> {
    const abort = new AbortController()
    const response = await this.fetch(`/api/jobs/${job}/events`, {
      headers: options.lastEventId === undefined ? {} : { "last-event-id": options.lastEventId },
      signal: abort.signal
    })
    const events: Array<EventSourceMessage> = []
    const comments: Array<string> = []
    const retries: Array<number> = []
    const parser = createParser({
      onEvent: (event) => void events.push(event),
      onComment: (comment) => void comments.push(comment),
      onRetry: (retry) => void retries.push(retry)
    })
    const decoder = new TextDecoder()
    const result = (ended: boolean) => ({ status: response.status, events, comments, retries, ended })
    if (response.body === null || response.status !== 200) return result(true)
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return result(true)
      parser.feed(decoder.decode(value, { stream: true }))
      if (options.enough?.(events) === true) {
        abort.abort()
        return result(false)
      }
    }
  }
}

/** A 1 × 1 PNG: the tests are about jobs, not pictures. */
export const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
