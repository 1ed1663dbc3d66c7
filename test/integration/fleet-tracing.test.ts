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
    await until("the request and all steps in one trace", () =>
      ours().some(({ name }) => name === "POST /api/edit") && stepSpans().length >= steps)

    const root = ours().find(({ name }) => name === "POST /api/edit")
    assert.strictEqual(root?.service, "darkroom-gateway")
    assert.strictEqual(root?.parentSpanId, "b7ad6b7169203331")
    // Every span hangs on another of the trace, so that a viewer shows one tree.
    const known = new Set(["b7ad6b7169203331", ...ours().map(({ spanId }) => spanId)])
    for (const step of stepSpans()) {
      let parent = ours().find(({ spanId }) => spanId === step.parentSpanId)
      const services = new Set([step.service])
      while (parent !== undefined) {
        services.add(parent.service)
        parent = ours().find(({ spanId }) => spanId === parent?.parentSpanId)
      }
      assert.isTrue(known.has(step.parentSpanId ?? ""))
      assert.deepStrictEqual([...services].sort(), ["darkroom-agent", "darkroom-gateway"])
    }
  }, 60_000)
})
