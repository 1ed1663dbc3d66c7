import { ConfigProvider, Effect, Layer, Schedule } from "effect"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { Blobs } from "../../src/platform/blobs/Blobs.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { Presence } from "../../src/platform/nats/Presence.ts"
import { startSystem, type System } from "../../src/testing/System.ts"
import { writeNoopModels } from "../../src/testing/noopModels.ts"
import { GatewayClient } from "./gatewayClient.ts"

/** What a body may say of models, pictures and adapters, from HTTP to the model and back. */

const film = { name: "film", weight_min: 0, weight_max: 1, sha256: "a".repeat(64) }
const models = {
  editor: { images_max: 3, loras: [film], uses_parameters: ["seed", "steps", "loras"], kinds: ["edit", "text_to_image"] as const },
  plain: {}
}

describe("models, pictures and adapters of a body", () => {
  let system: System
  let client: GatewayClient
  const pictures: Array<string> = []
  beforeAll(async () => {
    const folder = (names: ReadonlyArray<keyof typeof models>) =>
      writeNoopModels(mkdtempSync(join(tmpdir(), "darkroom-models-")), Object.fromEntries(names.map((name) => [name, models[name]])))
    system = await startSystem({
      models: ["editor", "plain"],
      modelsDir: folder(["editor", "plain"]),
      // This gateway has not all that its agents have.
      gatewayEnv: { MODELS_DIR: folder(["editor"]), DEFAULT_IMAGE_MODEL: "editor" }
    })
    client = new GatewayClient(system)
    for (const width of [10, 20, 30]) {
      const png = sharp({ create: { width, height: 8, channels: 3, background: { r: width, g: 0, b: 0 } } }).png()
      pictures.push((await png.toBuffer()).toString("base64"))
    }
  }, 90_000)
  afterAll(() => system?.stop(), 60_000)

  const [first, second, third] = [0, 1, 2].map((i) => () => pictures[i]!) as [() => string, () => string, () => string]
  const total = async () => (await client.send("/api/history")).body.total as number
  const blobs = () =>
    Effect.runPromise(Blobs.use((store) => store.list).pipe(
      Effect.provide(Blobs.layer.pipe(Layer.provide(Connection.layer("test")))),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: system.broker.url })))
    )).then((list) => list.length)
  /** Refused with 400 that names the field, and nothing recorded or stored. */
  const refused = async (fields: object, field: string) => {
    const before = [await total(), await blobs()]
    const { body, status } = await client.edit("x", { image: first(), ...fields })
    assert.strictEqual(status, 400, JSON.stringify(body))
    assert.deepStrictEqual(body.errors.map((error: { field: string }) => error.field), [field])
    assert.deepStrictEqual([await total(), await blobs()], before)
  }

  it("three pictures reach the model in the order in which they were sent", async () => {
    for (const [i, size] of ["10x8", "20x8", "30x8"].entries()) {
      const { body, status } = await client.edit(`steps=1 input=${i + 1}`, { image: first(), images: [second(), `data:image/png;base64,${third()}`] })
      assert.strictEqual(status, 200, JSON.stringify(body))
      assert.deepInclude(body, { input_size: "10x8", output_size: size })
    }
    const swapped = await client.edit("steps=1 input=2", { image: first(), images: [third(), second()] })
    assert.strictEqual(swapped.body.output_size, "30x8")
  })
  it("the same picture twice is one stored object, and both inputs of the model", async () => {
    const before = await blobs()
    const { body, status } = await client.edit("steps=1 input=2", { image: second(), images: [second()] })
    assert.strictEqual(status, 200, JSON.stringify(body))
    assert.strictEqual(body.output_size, "20x8")
    assert.strictEqual(await blobs(), before + 2)
  })
  it("a form carries them as files of the same field", async () => {
    const form = new FormData()
    const file = (base64: string) => new Blob([Buffer.from(base64, "base64")])
    form.append("image", file(first()), "1.png")
    form.append("images", file(second()), "2.png")
    form.append("images", file(third()), "3.png")
    form.append("loras", JSON.stringify([{ name: "film", weight: 0.5 }]))
    form.append("prompt", "steps=1 input=3")
    const { body, status } = await client.send("/api/edit", { body: form })
    assert.strictEqual(status, 200, JSON.stringify(body))
    assert.strictEqual(body.output_size, "30x8")
  })
  it("each is checked like the first, before anything is stored", async () => {
    await refused({ images: ["***"] }, "images.0")
    await refused({ images: [second(), Buffer.from("GIF89a").toString("base64")] }, "images.1")
    await refused({ images: [second(), third(), third()] }, "images")
  })
  it("they tell one submission from another", async () => {
    const key = { headers: { "idempotency-key": crypto.randomUUID() } }
    const two = { image: first(), images: [second(), third()] }
    const done = await client.edit("steps=1", two, key)
    assert.strictEqual((await client.edit("steps=1", two, key)).body.job_id, done.body.job_id)
    assert.strictEqual((await client.edit("steps=1", { ...two, images: [third(), second()] }, key)).status, 422)
    assert.strictEqual((await client.edit("steps=1", { ...two, loras: [{ name: "film" }] }, key)).status, 422)
  })
  it("adapters that the model declares are taken; others are refused by name and range", async () => {
    const { body, status } = await client.edit("steps=1", { image: first(), loras: [{ name: "film", weight: 0.5 }] })
    assert.strictEqual(status, 200, JSON.stringify(body))
    assert.deepStrictEqual(body.warnings.filter((warning: string) => warning.includes("loras")), [])
    const picture = await client.send("/image/generate", { json: { prompt: "steps=1", num_inference_steps: 20, loras: [{ name: "film" }] } })
    assert.strictEqual(picture.status, 200, JSON.stringify(picture.body))
    await refused({ loras: [{ name: "noir" }] }, "loras.0.name")
    await refused({ loras: [{ name: "film", weight: 1.5 }] }, "loras.0.weight")
    await refused({ loras: [{ name: "film", weight: 3 }] }, "loras.0.weight")
    await refused({ loras: [{ name: "film" }, { name: "film" }] }, "loras.1.name")
  })
  it("a body names the model; one that cannot do it is refused, one that no pool has is 503", async () => {
    const { body } = await client.edit("steps=1", { image: first(), model: "plain" })
    assert.strictEqual((await client.status(body.job_id)).body.model, "plain")
    const wrongKind = await client.send("/text/generate", { json: { prompt: "x", model: "editor" } })
    assert.strictEqual(wrongKind.status, 400)
    assert.include(wrongKind.body.detail, "cannot do this kind of job (text)")
    assert.strictEqual((await client.edit("x", { model: "nothing" })).status, 503)
  })
  it("the pool's status says which models its agents have in memory", async () => {
    const told = Presence.use(({ pools }) => pools).pipe(
      Effect.map((pools) => pools.get("local")?.status.models ?? []),
      Effect.repeat({ until: (models) => models.length === 2, schedule: Schedule.spaced("50 millis") }),
      Effect.timeout("20 seconds"),
      Effect.provide(Presence.layer.pipe(Layer.provide(Connection.layer("test")))),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: system.broker.url })))
    )
    assert.deepStrictEqual(await Effect.runPromise(told), ["editor", "plain"].map((name) => ({ name, loadedReplicas: 1, loadingReplicas: 0 })))
  })
  it("the agent holds a job to the manifest where the gateway has none", async () => {
    for (const [fields, field] of [
      [{ images: [second()] }, "images: plain takes one picture"],
      [{ loras: [{ name: "film" }] }, "loras.0.name: plain has no adapter \"film\"; it has: none"]
    ] as const) {
      const { body, status } = await client.edit("steps=1", { image: first(), model: "plain", ...fields })
      assert.strictEqual(status, 400, JSON.stringify(body))
      assert.deepInclude(body, { error_class: "invalid_input" })
      assert.include(body.detail, field)
    }
  })
})
