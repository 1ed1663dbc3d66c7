import { createParser } from "eventsource-parser"
import { randomBytes } from "node:crypto"
import sharp from "sharp"
import { assert, beforeAll, describe, it } from "vitest"
import { Gateway } from "./support/gateway.ts"
import { cpuPool, createPool } from "./support/pools.ts"

/**
 * Proves what every Ingress controller must be told (manifests/base/gateway/ingress.yaml): a photo as large as the API allows
 * passes, an event stream is passed on as it comes, and unknown routes and keys are answered by the gateway itself.
 */

const maxImageBytes = 10 * 1024 * 1024
const streamLimitMs = 180_000

let gateway: Gateway
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, cpuPool("starter", { replicas: 1 }))
})

/** Noise cannot be compressed, so the file is as large as its pixels. */
const largePhoto = async (): Promise<Buffer> => {
  const side = Math.floor(Math.sqrt(maxImageBytes / 3)) - 10
  return sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } }).png({ compressionLevel: 0 }).toBuffer()
}

describe("through the Ingress", () => {
  it("a photo of 10 MB goes in and its edit comes back", async () => {
    const photo = await largePhoto()
    assert.isAbove(photo.length, 0.98 * maxImageBytes)
    const answer = await gateway.send("/api/edit", { json: { image: photo.toString("base64"), prompt: "make it black and white" } })
    assert.strictEqual(answer.status, 200, JSON.stringify(answer.body).slice(0, 500))
    const { height, width } = await sharp(Buffer.from(answer.body.output_b64, "base64")).metadata()
    assert.deepStrictEqual({ height, width }, await sharp(photo).metadata().then(({ height, width }) => ({ height, width })))
  })

  it("a larger one is refused by the gateway, in its words", async () => {
    const answer = await gateway.send("/api/edit", { json: { image: Buffer.alloc(maxImageBytes + 1024 * 1024).toString("base64"), prompt: "x" } })
    assert.strictEqual(answer.status, 413, JSON.stringify(answer.body).slice(0, 200))
    assert.match(answer.headers.get("content-type") ?? "", /problem\+json/)
  })

  it("a job's events come one by one", async () => {
    const accepted = await gateway.edit("make it warmer", { seed: 7 }, { headers: { prefer: "respond-async" } })
    assert.strictEqual(accepted.status, 202, JSON.stringify(accepted.body))
    const response = await gateway.fetch(`/api/jobs/${accepted.body.job_id}/events`, { signal: AbortSignal.timeout(streamLimitMs) })
    assert.strictEqual(response.status, 200)
    const names: Array<string> = []
    const chunksWithEvents: Array<number> = []
    const parser = createParser({ onEvent: ({ event }) => void names.push(event ?? "message") })
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      const before = names.length
      parser.feed(decoder.decode(chunk, { stream: true }))
      if (names.length > before) chunksWithEvents.push(names.length - before)
    }
    assert.strictEqual(names.at(-1), "completed", names.join(" "))
    assert.isAbove(chunksWithEvents.length, 1, `all events came at once: ${names.join(" ")}`)
  })

  it("no key, no entry", async () => {
    const answer = await gateway.send("/api/queue", { key: "" })
    assert.strictEqual(answer.status, 401)
    assert.match(answer.headers.get("content-type") ?? "", /problem\+json/)
  })
})
