import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startSystem, type System } from "../../src/testing/System.ts"
import { startTraceCollector } from "./traceCollector.ts"

/** One edit, one trace: from the HTTP request through the log to each step of the model. */

const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
const limitMs = 30_000

let collector: Awaited<ReturnType<typeof startTraceCollector>>
let system: System
beforeAll(async () => {
  collector = await startTraceCollector()
  system = await startSystem({ env: collector.env })
}, 60_000)
afterAll(async () => {
  await system?.stop()
  collector?.stop()
}, 60_000)

const until = async (what: string, holds: () => boolean) => {
  const end = Date.now() + limitMs
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${what}; seen: ${JSON.stringify(collector.spans.map(({ name, service }) => `${service}: ${name}`))}\n${system.logs()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe("tracing", () => {
  it("follows an edit from the caller's span to each step", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c"
    const steps = 3
    const response = await fetch(`${system.gateways[0]?.url}/api/edit`, {
      method: "POST",
      headers: {
        "x-api-key": system.key,
        "content-type": "application/json",
        traceparent: `00-${traceId}-b7ad6b7169203331-01`
      },
      body: JSON.stringify({ image: pixel, prompt: `steps=${steps} ms=5` })
    })
    assert.strictEqual(response.status, 200, await response.text())

    const ours = () => collector.spans.filter((span) => span.traceId === traceId)
    const stepSpans = () => ours().filter(({ name, service }) => service === "darkroom-agent" && /step/i.test(name))
    const callers = "b7ad6b7169203331"
    /** The span and those that it hangs on, up to the caller's, so that a viewer shows one tree; parents may arrive later. */
    const lineOf = (spanId: string | undefined): ReadonlyArray<string> => {
      if (spanId === callers) return ["caller"]
      const span = ours().find((candidate) => candidate.spanId === spanId)
      return span === undefined ? ["missing"] : [span.service, ...lineOf(span.parentSpanId)]
    }
    const lines = () => stepSpans().map(({ spanId }) => lineOf(spanId))
    await until("all steps in one trace, each on a line to the caller's span", () =>
      lines().length >= steps && lines().every((line) => line.at(-1) === "caller"))

    const root = ours().find(({ name }) => name === "POST /api/edit")
    assert.strictEqual(root?.service, "darkroom-gateway")
    assert.strictEqual(root?.parentSpanId, callers)
    for (const line of lines()) {
      assert.deepStrictEqual([...new Set(line)], ["darkroom-agent", "darkroom-gateway", "caller"])
    }
  }, 60_000)
})
