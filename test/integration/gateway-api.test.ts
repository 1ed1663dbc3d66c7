import { readFileSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { join } from "node:path"
import { crc32, deflateSync } from "node:zlib"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startSystem, type System } from "../../src/testing/System.ts"
import { GatewayClient, pixel } from "./gatewayClient.ts"

/** Every route as a client meets it: real processes, one agent with the test model; the same with two gateways on one log. */

/** A valid PNG of one colour: hundreds of megabytes once decoded. */
const bombPng = (width: number, height: number): Buffer => {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length, 0)
    frame.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([1, 0, 0, 0, 0], 8)
  const rows = deflateSync(Buffer.alloc((Math.ceil(width / 8) + 1) * height))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))])
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

describe.each([1, 2])("%i gateway(s) on one log", (gateways) => {
  let system: System
  let client: GatewayClient
  let readKey: string
  let submitKey: string
  let otherKey: string
  beforeAll(async () => {
    system = await startSystem({
      gateways,
      maxReplicas: 1,
      env: {
        EDIT_WAIT: "4s",
        SSE_KEEP_ALIVE: "1s",
        DEFAULT_IMAGE_MODEL: "noop",
        DEFAULT_IMAGE_EDIT_MODEL: "noop",
        DEFAULT_TEXT_MODEL: "noop",
        POOL_MAX_REPLICAS_CEILING: "2",
        CORS_ORIGINS: "https://app.example"
      }
    })
    client = new GatewayClient(system)
    readKey = await client.makeKey("reader", ["read"])
    submitKey = await client.makeKey("submitter", ["submit", "read"])
    otherKey = await client.makeKey("other", ["submit", "read"])
  }, 90_000)
  afterAll(() => system?.stop(), 60_000)

  describe("POST /api/edit", () => {
    it("answers with the picture and every field of the spec", async () => {
      const { body, headers, status } = await client.edit("ms=1", { seed: 7, steps: 5 })
      assert.strictEqual(status, 200, JSON.stringify(body))
      assert.match(body.job_id, uuid)
      assert.deepInclude(body, { status: "completed", output_image_url: "", input_size: "1x1", output_size: "1x1" })
      assert.deepStrictEqual(body.config, { steps: 5, cfg: 1, seed: 7 })
      assert.isAbove(body.actual_time_s, 0)
      assert.strictEqual(Buffer.from(body.output_b64, "base64").subarray(1, 4).toString(), "PNG")
      assert.strictEqual(headers.get("x-seed"), "7")
      assert.strictEqual(headers.get("x-job-id"), body.job_id)
    })
    it("answers with the bytes when the client prefers a picture", async () => {
      const response = await client.fetch("/api/edit", { json: { image: pixel, prompt: "x" }, headers: { accept: "image/png" } })
      assert.strictEqual(response.headers.get("content-type"), "image/png")
      assert.strictEqual(Buffer.from(await response.arrayBuffer()).subarray(1, 4).toString(), "PNG")
    })
    it("takes a data: URL, and the image as a file of a form", async () => {
      assert.strictEqual((await client.edit("x", { image: `data:image/png;base64,${pixel}` })).status, 200)
      const form = new FormData()
      form.set("image", new Blob([Buffer.from(pixel, "base64")]), "photo.png")
      form.set("prompt", "x")
      form.set("steps", "9")
      const { body, status } = await client.send("/api/edit", { body: form })
      assert.strictEqual(status, 200, JSON.stringify(body))
      assert.strictEqual(body.config.steps, 9)
    })
    it("a random seed is chosen, told and recorded", async () => {
      const seeds = new Set<string>()
      for (let i = 0; i < 2; i++) {
        const { body, headers } = await client.edit("x", { seed: null })
        assert.strictEqual(headers.get("x-seed"), String(body.config.seed))
        assert.strictEqual((await client.status(body.job_id)).body.seed, body.config.seed)
        seeds.add(headers.get("x-seed")!)
      }
      assert.strictEqual(seeds.size, 2)
    })
    it("unknown fields are ignored with a warning that names them", async () => {
      const { body, headers } = await client.edit("x", { strenght: 3 })
      assert.include(body.warnings[0], "strenght")
      assert.include(headers.get("x-darkroom-warning"), "strenght")
    })
    it("names every field that is wrong, and records nothing", async () => {
      const before = (await client.send("/api/history")).body.total
      const { body, headers, status } = await client.edit("", { steps: 3, priority: 7, seed: -1 })
      assert.strictEqual(status, 400)
      assert.strictEqual(headers.get("content-type"), "application/problem+json")
      assert.deepStrictEqual(body.errors.map((error: { field: string }) => error.field).sort(), ["priority", "prompt", "seed", "steps"])
      assert.strictEqual((await client.send("/api/history")).body.total, before)
    })
    it("an image that is none, is cut off, or is no base64 is 400", async () => {
      const image = async (image: string) => {
        const { body, status } = await client.edit("x", { image })
        return `${status} ${body.errors?.[0]?.field}`
      }
      assert.strictEqual(await image("***"), "400 image")
      assert.strictEqual(await image(Buffer.from("GIF89a is not taken").toString("base64")), "400 image")
      assert.strictEqual(await image(Buffer.from(pixel, "base64").subarray(0, 40).toString("base64")), "400 image")
    })
    it("a URL is not fetched unless that was switched on", async () => {
      const { body, status } = await client.edit("x", { image: "https://example.com/a.png" })
      assert.strictEqual(status, 400)
      assert.include(body.detail, "IMAGE_URLS")
    })
    it("a picture of more than 25 megapixels is 400, however small its file", async () => {
      const { body, status } = await client.edit("x", { image: bombPng(16_000, 16_000).toString("base64") })
      assert.strictEqual(status, 400)
      assert.include(body.detail, "megapixels")
    })
    it("an image over 10 MiB is 413, and so is a body over the limit", async () => {
      assert.strictEqual((await client.edit("x", { image: Buffer.alloc(10 * 1024 * 1024 + 1).toString("base64") })).status, 413)
      assert.strictEqual((await client.edit("x".repeat(16 * 1024 * 1024))).status, 413)
    })
    it("a model that no pool serves is 503 and says how to install it", async () => {
      const { body, status } = await client.edit("x", { model: "firered" })
      assert.strictEqual(status, 503)
      assert.include(body.detail, "darkroom models add firered")
    })
    it("a failing model is 500 with the job's id and the error's class; input it refuses is 400", async () => {
      const failed = await client.edit("steps=2 fail_at=1")
      assert.strictEqual(failed.status, 500)
      assert.match(failed.body.job_id, uuid)
      assert.strictEqual(failed.body.error_class, "model_error")
      assert.strictEqual((await client.edit("steps=2 invalid_at=1")).status, 400)
    })
    it("a job that takes too long is 502 with its id, and goes on", async () => {
      const { body, headers, status } = await client.edit("steps=10 ms=500")
      assert.strictEqual(status, 502)
      assert.strictEqual(headers.get("location"), `/api/status/${body.job_id}`)
      await client.until(body.job_id, ["completed"])
    })
    it("a client that goes away does not cancel its job", async () => {
      const abort = new AbortController()
      const prompt = `steps=4 ms=300 gone=${gateways}`
      const gone = client.edit(prompt, {}, { signal: abort.signal }).catch(() => "gone")
      const find = async () => (await client.send("/api/history?limit=5")).body.jobs.find((job: { prompt: string }) => job.prompt === prompt)
      while (await find() === undefined);
      abort.abort()
      assert.strictEqual(await gone, "gone")
      await client.until((await find()).job_id, ["completed"])
      // Nor is it a bug: an operator's log stays quiet when a probe or a person gives up.
      assert.notInclude(system.logs(), "fibers interrupted")
    })
  })

  describe("Prefer", () => {
    it("respond-async answers 202 with where to look", async () => {
      const { body, headers, status } = await client.edit("steps=2 ms=50", {}, { headers: { prefer: "respond-async" } })
      assert.strictEqual(status, 202)
      assert.strictEqual(headers.get("location"), body.status_url)
      assert.deepInclude(body, {
        id: body.job_id,
        status: "queued",
        cancel_url: `/api/job/${body.job_id}/cancel`,
        events_url: `/api/jobs/${body.job_id}/events`
      })
      assert.isNumber(body.queue_position)
      const done = await client.until(body.job_id, ["completed"])
      assert.strictEqual(Buffer.from(done.output_b64, "base64").subarray(1, 4).toString(), "PNG")
      assert.isNull(done.queue_position)
      assert.isString(done.completed_at)
    })
    it("wait=N answers 202 after N seconds, or with the result before", async () => {
      const late = await client.edit("steps=4 ms=500", {}, { headers: { prefer: "wait=1" } })
      assert.strictEqual(late.status, 202)
      assert.strictEqual(late.headers.get("preference-applied"), "wait=1")
      await client.until(late.body.job_id, ["completed"])
      assert.strictEqual((await client.edit("steps=1 ms=1", {}, { headers: { prefer: "wait=3" } })).status, 200)
    })
  })

  describe("Idempotency-Key", () => {
    const headers = (key: string) => ({ "idempotency-key": `${key}-${gateways}` })
    it("the same key and body gives the stored result, also of a failure", async () => {
      const first = await client.edit("steps=1", {}, { headers: headers("a") })
      const second = await client.edit("steps=1", {}, { headers: headers("a") })
      assert.deepStrictEqual([first.status, second.status], [200, 200])
      assert.strictEqual(second.body.job_id, first.body.job_id)
      assert.strictEqual(second.body.output_b64, first.body.output_b64)
      const failed = await client.edit("fail_at=1", {}, { headers: headers("f") })
      assert.strictEqual((await client.edit("fail_at=1", {}, { headers: headers("f") })).body.job_id, failed.body.job_id)
    })
    it("409 while the first is running, 202 again for who does not wait", async () => {
      const job = await client.start("steps=4 ms=300", {}, { headers: headers("b") })
      const again = await client.edit("steps=4 ms=300", {}, { headers: headers("b") })
      assert.strictEqual(again.status, 409)
      assert.strictEqual(again.body.job_id, job)
      assert.strictEqual(await client.start("steps=4 ms=300", {}, { headers: headers("b") }), job)
      await client.until(job, ["completed"])
    })
    it("422 with another body", async () => {
      await client.edit("steps=1", {}, { headers: headers("c") })
      assert.strictEqual((await client.edit("steps=2", {}, { headers: headers("c") })).status, 422)
    })
    it("keys of different callers never meet", async () => {
      const mine = await client.edit("steps=1", {}, { headers: headers("d"), key: submitKey })
      const other = await client.edit("steps=1", {}, { headers: headers("d"), key: otherKey })
      assert.notStrictEqual(mine.body.job_id, other.body.job_id)
    })
    it("many at once make one job", async () => {
      const jobs = await Promise.all(Array.from({ length: 8 }, () => client.start("steps=2 ms=20", {}, { headers: headers("e") })))
      assert.strictEqual(new Set(jobs).size, 1)
    })
    it("a key that is none is 400", async () => {
      assert.strictEqual((await client.edit("x", {}, { headers: { "idempotency-key": "\"\"" } })).status, 400)
    })
  })

  describe("identical submissions", () => {
    const async = { prefer: "respond-async" }
    it("join the one that is not finished yet", async () => {
      const first = await client.edit("steps=6 ms=250 same", {}, { headers: async })
      const second = await client.edit("steps=6 ms=250 same")
      assert.strictEqual(second.status, 200)
      assert.strictEqual(second.body.job_id, first.body.job_id)
      const third = await client.edit("steps=6 ms=250 same", {}, { headers: async })
      assert.notStrictEqual(third.body.job_id, first.body.job_id)
      await client.until(third.body.job_id, ["completed"])
    })
    it("do not when a header says so, for another caller, with another field, or with a random seed", async () => {
      const ids = [
        await client.edit("steps=2 ms=150 apart", {}, { headers: async }),
        await client.edit("steps=2 ms=150 apart", {}, { headers: { ...async, "x-darkroom-attach": "no" } }),
        await client.edit("steps=2 ms=150 apart", {}, { headers: async, key: submitKey }),
        await client.edit("steps=2 ms=150 apart", { cfg: 2 }, { headers: async }),
        await client.edit("steps=2 ms=150 apart", { seed: null }, { headers: async }),
        await client.edit("steps=2 ms=150 apart", { seed: null }, { headers: async })
      ].map(({ body }) => body.job_id)
      assert.strictEqual(new Set(ids).size, ids.length)
      for (const id of ids) await client.until(id, ["completed"])
    })
    it("sent at the same moment to one gateway make one job", async () => {
      const to = system.gateways[0]!.url
      const send = () =>
        fetch(`${to}/api/edit`, {
          method: "POST",
          headers: { "x-api-key": system.key, "content-type": "application/json", prefer: "respond-async" },
          body: JSON.stringify({ image: pixel, prompt: "steps=2 ms=100 burst" })
        }).then((response) => response.json() as Promise<{ job_id: string }>)
      const jobs = await Promise.all(Array.from({ length: 6 }, send))
      assert.strictEqual(new Set(jobs.map(({ job_id }) => job_id)).size, 1)
      await client.until(jobs[0]!.job_id, ["completed"])
    })
  })

  describe("cancel and retry", () => {
    it("a running job stops, and its agent takes the next", async () => {
      const job = await client.start("steps=200 ms=100")
      await client.until(job, ["processing"])
      const { body, status } = await client.send(`/api/job/${job}/cancel`, { method: "POST" })
      assert.deepStrictEqual([status, body], [200, { status: "cancelled", job_id: job }])
      assert.strictEqual((await client.status(job)).body.status, "cancelled")
      assert.strictEqual((await client.edit("steps=1 ms=1 after")).status, 200)
    })
    it("a queued job never starts", async () => {
      const blocker = await client.start("steps=6 ms=200")
      const job = await client.start("steps=1 queued")
      await client.send(`/api/job/${job}/cancel`, { method: "POST" })
      await client.until(blocker, ["completed"])
      const { events } = await client.events(job)
      assert.deepStrictEqual(events.map(({ event }) => event).filter((event) => event !== "position"), ["queued", "cancelled"])
    })
    it("an ended job cannot be cancelled, an unknown one neither", async () => {
      const { body } = await client.edit("steps=1")
      const again = await client.send(`/api/job/${body.job_id}/cancel`, { method: "POST" })
      assert.strictEqual(again.status, 409)
      assert.include(again.body.detail, "already ended")
      assert.strictEqual((await client.send(`/api/job/${crypto.randomUUID()}/cancel`, { method: "POST" })).status, 404)
      assert.strictEqual((await client.send("/api/job/nonsense/cancel", { method: "POST" })).status, 404)
    })
    it("who waits for a job that is cancelled is told", async () => {
      const waiting = client.edit("steps=100 ms=100 waited")
      let job: string | undefined
      while (job === undefined) {
        job = (await client.send("/api/history?limit=3")).body.jobs.find((job: { prompt: string }) => job.prompt.endsWith("waited"))?.job_id
      }
      await client.send(`/api/job/${job}/cancel`, { method: "POST" })
      const { body, status } = await waiting
      assert.deepStrictEqual([status, body.job_id], [409, job])
    })
    it("a failed job is retried three times, not a fourth", async () => {
      const job = await client.start("steps=1 fail_at=1")
      for (let retry = 1; retry <= 3; retry++) {
        await client.until(job, ["failed"])
        const { body, status } = await client.send(`/api/job/${job}/retry`, { method: "POST" })
        assert.deepStrictEqual([status, body], [200, { status: "requeued", job_id: job, retry_count: retry }])
      }
      await client.until(job, ["failed"])
      const fourth = await client.send(`/api/job/${job}/retry`, { method: "POST" })
      assert.strictEqual(fourth.status, 409)
      assert.include(fourth.body.detail, "3 times")
    })
    it("a job that has not failed, or whose input was refused, is not retried", async () => {
      const completed = (await client.edit("steps=1")).body.job_id
      const invalid = (await client.edit("steps=1 invalid_at=1")).body.job_id
      for (const job of [completed, invalid]) {
        assert.strictEqual((await client.send(`/api/job/${job}/retry`, { method: "POST" })).status, 409)
      }
      assert.strictEqual((await client.send(`/api/job/${crypto.randomUUID()}/retry`, { method: "POST" })).status, 404)
    })
  })

  describe("history, queue and scale", () => {
    it("history has a job as soon as it was accepted, newest first, without pictures", async () => {
      const job = await client.start("steps=1 newest")
      const { body } = await client.send("/api/history?limit=2")
      assert.strictEqual(body.jobs[0].job_id, job)
      assert.notProperty(body.jobs[0], "output_b64")
      assert.deepInclude(body, { page: 1, limit: 2, pages: Math.ceil(body.total / 2) })
      await client.until(job, ["completed"])
    })
    it("pages do not overlap, and a status filters", async () => {
      const page = async (n: number) => (await client.send(`/api/history?limit=3&page=${n}`)).body.jobs.map((job: { job_id: string }) => job.job_id)
      const ids = [...await page(1), ...await page(2)]
      assert.strictEqual(new Set(ids).size, 6)
      const failed = (await client.send("/api/history?status=failed&limit=100")).body
      assert.isAbove(failed.total, 0)
      assert.isTrue(failed.jobs.every((job: { status: string }) => job.status === "failed"))
    })
    it("limits outside 1 to 100, and words for numbers, are 400", async () => {
      for (const query of ["limit=101", "limit=0", "limit=", "page=0", "page=x", "status=done"]) {
        assert.strictEqual((await client.send(`/api/history?${query}`)).status, 400, query)
      }
    })
    it("a key sees its own jobs only, an admin's all", async () => {
      const job = await client.start("steps=1 mine", {}, { key: submitKey })
      const ids = async (key: string) =>
        (await client.send("/api/history?limit=100", { key })).body.jobs.map((job: { job_id: string }) => job.job_id)
      assert.include(await ids(submitKey), job)
      assert.include(await ids(system.key), job)
      assert.notInclude(await ids(otherKey), job)
      for (const [method, path] of [
        ["GET", `/api/status/${job}`], ["GET", `/api/jobs/${job}/events`], ["POST", `/api/job/${job}/cancel`], ["POST", `/api/job/${job}/retry`]
      ] as const) {
        assert.strictEqual((await client.send(path, { method, key: otherKey })).status, 404, path)
      }
      assert.strictEqual((await client.status(job, { key: submitKey })).status, 200)
    })
    it("the queue adds up, and throughput is 60 / average × active replicas", async () => {
      const { body } = await client.send("/api/queue")
      assert.strictEqual(body.queued + body.processing + body.completed + body.failed + body.cancelled, body.total_jobs)
      assert.isAbove(body.completed, 0)
      assert.isAbove(body.avg_time_s, 0)
      assert.strictEqual(body.gpu.active_replicas, 1)
      assert.approximately(body.throughput_per_min, 60 / body.avg_time_s, 60 / body.avg_time_s / 50)
      assert.deepInclude(body.gpu, { status: "ACTIVE", min_replicas: 1, max_replicas: 1, instance_type: "CPU - no GPU" })
      assert.strictEqual((await client.send("/api/queue?pool=none")).status, 404)
    })
    it("scale writes the pool's file, raises its ceiling and no further", async () => {
      const { body, status } = await client.send("/api/gpu/scale?replicas=2", { method: "POST" })
      assert.deepStrictEqual([status, body], [200, { status: "scaled", min_replicas: 2, max_replicas: 2 }])
      assert.include(readFileSync(join(system.dir, "pool.yaml"), "utf8"), "\"replicas\":2")
      assert.strictEqual((await client.send("/api/gpu/scale?replicas=3", { method: "POST" })).status, 400)
      assert.strictEqual((await client.send("/api/gpu/scale?replicas=x", { method: "POST" })).status, 400)
      assert.strictEqual((await client.send("/api/gpu/scale", { method: "POST" })).body.min_replicas, 1)
      assert.strictEqual((await client.send("/api/gpu/scale?pool=none", { method: "POST" })).status, 404)
    })
  })

  describe("GET /api/jobs/{id}/events", () => {
    it("tells of queue, start, every step and the end, then closes", async () => {
      const job = await client.start("steps=4 ms=150 watched")
      const { ended, events, retries } = await client.events(job)
      assert.isTrue(ended)
      assert.isNotEmpty(retries)
      const names = events.map(({ event }) => event).filter((event) => event !== "position")
      assert.deepStrictEqual([names[0], names[1], names.at(-1)], ["queued", "started", "completed"])
      const steps = events.filter(({ event }) => event === "step").map(({ data }) => JSON.parse(data)).filter(({ phase }) => phase === "running")
      assert.deepInclude(steps.at(-1), { steps: 4 })
      assert.isAtLeast(steps.length, 3)
      assert.isTrue(events.every(({ event, id }) => (event === "step" || event === "position") === (id === undefined)))
    })
    it("goes on after Last-Event-ID, and 204 tells a client that nothing more comes", async () => {
      const job = await client.start("steps=1")
      await client.until(job, ["completed"])
      const all = await client.events(job)
      assert.deepStrictEqual(all.events.map(({ event }) => event), ["queued", "started", "completed"])
      const rest = await client.events(job, { lastEventId: all.events[0]!.id! })
      assert.deepStrictEqual(rest.events.map(({ id }) => id), all.events.slice(1).map(({ id }) => id))
      assert.strictEqual((await client.events(job, { lastEventId: all.events[2]!.id! })).status, 204)
      assert.strictEqual((await client.events(crypto.randomUUID())).status, 404)
    })
    it("a stream opened in the middle begins with the latest step", async () => {
      // After two steps nothing more comes, so what a later stream shows was remembered.
      const job = await client.start("steps=5 hang_at=3")
      const secondStep = (events: ReadonlyArray<{ event?: string | undefined; data: string }>) =>
        events.some(({ data, event }) => event === "step" && JSON.parse(data).step === 2)
      const first = await client.events(job, { enough: secondStep })
      const started = first.events.find(({ event }) => event === "started")!
      for (let gateway = 0; gateway < gateways; gateway++) {
        const second = await client.events(job, { lastEventId: started.id!, enough: secondStep })
        assert.deepStrictEqual(second.events.map(({ event, id }) => [event, id]), [["step", undefined]])
      }
      await client.send(`/api/job/${job}/cancel`, { method: "POST" })
      await client.until(await client.start("steps=1 ms=1 after the hang"), ["completed"])
    })
    it("a waiting job's position is told, and falls", async () => {
      const first = await client.start("steps=6 ms=300")
      const second = await client.start("steps=1 ms=1 second")
      const third = await client.start("steps=1 ms=1 third")
      const { events } = await client.events(third)
      const positions = events.filter(({ event }) => event === "position").map(({ data }) => JSON.parse(data).position)
      assert.strictEqual(positions[0], 1)
      assert.deepStrictEqual(positions, [...positions].sort((a, b) => b - a))
      for (const job of [first, second, third]) await client.until(job, ["completed"])
    })
    it("a comment keeps a silent stream alive", async () => {
      const job = await client.start("steps=2 ms=1600")
      assert.isNotEmpty((await client.events(job)).comments)
    })
    it("clients that go away leave nothing behind", async () => {
      const job = await client.start("steps=40 ms=250 long")
      await Promise.all(Array.from({ length: 100 }, () => client.events(job, { enough: (events) => events.length > 0 })))
      for (let gateway = 0; gateway < gateways; gateway++) {
        await client.metricUntil(gateway, "darkroom_event_streams", 0)
        await client.metricUntil(gateway, "darkroom_feed_listeners", 0)
      }
      await client.send(`/api/job/${job}/cancel`, { method: "POST" })
    })
  })

  describe("keys and scopes", () => {
    const id = crypto.randomUUID()
    const routes: ReadonlyArray<readonly [string, string, "submit" | "read" | "admin"]> = [
      ["POST", "/api/edit", "submit"], ["POST", "/text/generate", "submit"], ["POST", "/image/generate", "submit"],
      ["POST", "/image/edit", "submit"], ["POST", "/video/generate-frames", "submit"], ["POST", `/api/job/${id}/cancel`, "submit"],
      ["POST", `/api/job/${id}/retry`, "submit"], ["GET", `/api/status/${id}`, "read"], ["GET", "/api/history", "read"],
      ["GET", "/api/queue", "read"], ["GET", `/api/jobs/${id}/events`, "read"], ["POST", "/api/gpu/scale", "admin"]
    ]
    it("every route asks for a key", async () => {
      for (const [method, path] of routes) {
        for (const key of ["", "wrong"]) {
          const { headers, status } = await client.send(path, { method, key })
          assert.strictEqual(status, 401, path)
          assert.include(headers.get("www-authenticate"), "Bearer")
        }
      }
    })
    it("every route asks for its scope", async () => {
      for (const [method, path, scope] of routes) {
        const status = (await client.send(path, { method, key: scope === "submit" ? readKey : submitKey })).status
        assert.strictEqual(status === 403, scope !== "read", path)
      }
    })
    it("a bearer token is a key too", async () => {
      const headers = { authorization: `Bearer ${system.key}` }
      assert.strictEqual((await client.send("/api/queue", { key: "", headers })).status, 200)
    })
    it("health, readiness and documentation need none", async () => {
      for (const path of ["/livez", "/readyz", "/health", "/openapi.json", "/docs"]) {
        assert.strictEqual((await client.send(path, { key: "" })).status, 200, path)
      }
    })
  })

  describe("errors", () => {
    it("are problems everywhere", async () => {
      const answers: ReadonlyArray<readonly [number, Promise<Awaited<ReturnType<GatewayClient["send"]>>>]> = [
        [404, client.send("/nothing")],
        [405, client.send("/api/edit", { method: "PUT" })],
        [415, client.send("/api/edit", { body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" } })],
        [400, client.send("/api/edit", { body: "{\"image\"", headers: { "content-type": "application/json" } })],
        [401, client.send("/api/queue", { key: "" })]
      ]
      for (const [status, answer] of answers) {
        const { body, headers, status: actual } = await answer
        assert.strictEqual(actual, status)
        assert.strictEqual(headers.get("content-type"), "application/problem+json")
        assert.strictEqual(body.status, status)
        for (const field of ["type", "title", "detail"]) assert.isString(body[field])
        assert.strictEqual(body.request_id, headers.get("x-request-id"))
      }
      assert.strictEqual((await client.send("/api/edit", { method: "PUT" })).headers.get("allow"), "POST")
    })
  })

  describe("CORS", () => {
    it("the preflight of an allowed origin is answered without a key", async () => {
      const headers = { origin: "https://app.example", "access-control-request-method": "POST", "access-control-request-headers": "x-api-key" }
      const { headers: answered, status } = await client.send("/api/edit", { method: "OPTIONS", key: "", headers })
      assert.strictEqual(status, 204)
      assert.strictEqual(answered.get("access-control-allow-origin"), "https://app.example")
    })
    it("another origin gets no permission", async () => {
      const { headers } = await client.send("/livez", { headers: { origin: "https://evil.example" } })
      assert.isNull(headers.get("access-control-allow-origin"))
    })
  })

  describe("models API", () => {
    const models = (path: string, json: object, headers: Record<string, string> = {}) =>
      new Promise<{ status: number; body: any }>((resolve, reject) => {
        const url = new URL(`${system.gateways[0]!.modelsUrl}${path}`)
        const request = httpRequest(url, { method: "POST", headers: { "content-type": "application/json", ...headers } }, (response) => {
          let text = ""
          response.on("data", (chunk: Buffer) => void (text += chunk.toString()))
          response.on("end", () => resolve({ status: response.statusCode!, body: JSON.parse(text) }))
        })
        request.on("error", reject)
        request.end(JSON.stringify(json))
      })
    it("generates an image without a key, with the fields of the spec", async () => {
      const { body, status } = await models("/image/generate", { prompt: "x", width: 256, height: 264 })
      assert.strictEqual(status, 200, JSON.stringify(body))
      assert.containsAllKeys(body, ["image_base64", "prompt"])
      const png = Buffer.from(body.image_base64, "base64")
      assert.deepStrictEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [256, 264])
    })
    it("edits an image; few steps carry a warning", async () => {
      const { body, status } = await models("/image/edit", { prompt: "x", image_base64: pixel, num_inference_steps: 3 })
      assert.strictEqual(status, 200, JSON.stringify(body))
      assert.include(body.warnings.join(), "num_inference_steps is 3")
    })
    it("generates text", async () => {
      const { body, status } = await models("/text/generate", { prompt: "x" })
      assert.strictEqual(status, 200, JSON.stringify(body))
      assert.containsAllKeys(body, ["finish_reason", "prompt", "text"])
    })
    it("a kind without a model is 503 and says what to set", async () => {
      const { body, status } = await models("/video/generate-frames", { prompt: "x" })
      assert.strictEqual(status, 503)
      assert.include(body.detail, "DEFAULT_FRAMES_MODEL")
      const named = await models("/video/generate-frames", { prompt: "x", model: "noop", num_frames: 2 })
      assert.strictEqual(named.status, 200, JSON.stringify(named.body))
      assert.lengthOf(named.body.frames, 2)
    })
    it("is served with a key on the API's port too", async () => {
      assert.strictEqual((await client.send("/text/generate", { json: { prompt: "x" } })).status, 200)
    })
    it("a rebound host name and a foreign page are refused", async () => {
      assert.strictEqual((await models("/text/generate", { prompt: "x" }, { host: "evil.example" })).status, 421)
      assert.strictEqual((await models("/text/generate", { prompt: "x" }, { origin: "https://evil.example" })).status, 403)
      assert.strictEqual((await models("/text/generate", { prompt: "x" }, { origin: "null" })).status, 403)
      assert.strictEqual((await models("/text/generate", { prompt: "x" }, { "sec-fetch-site": "cross-site" })).status, 403)
      assert.strictEqual((await models("/text/generate", { prompt: "x" }, { origin: "http://localhost:5173" })).status, 200)
    })
    it("health names the device of the agents", async () => {
      const { body } = await client.send("/health")
      assert.deepInclude(body, { status: "ok", device: "cpu" })
      assert.isString(body.models_dir)
    })
  })

  describe("metrics", () => {
    it("count requests by route, and jobs by state", async () => {
      assert.isAbove((await client.metric(0, "darkroom_jobs{state=\"completed\"}"))!, 0)
      const series = "darkroom_http_request_duration_seconds_count{method=\"POST\",route=\"/api/edit\",status=\"200\"}"
      assert.isAbove((await client.metric(0, series))!, 0)
    })
  })
})
