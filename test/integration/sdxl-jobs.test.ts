import { Effect } from "effect"
import sharp from "sharp"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { openModel } from "../../src/gpu-agent/pipelines/sdxl/model.ts"
import { textToImage } from "../../src/gpu-agent/pipelines/sdxl/textToImage.ts"
import { startSystem, type System } from "../../src/testing/System.ts"
import { contextOf, difference, goldens } from "../pipelines/fixtureModel.ts"
import { GatewayClient, type SendOptions } from "./gatewayClient.ts"

/** The tiny Stable Diffusion XL through the whole system: HTTP, job log, agent, ONNX, and back. */

const model = "tiny-sdxl"
let system: System
let client: GatewayClient
beforeAll(async () => {
  system = await startSystem({
    models: [model],
    gatewayEnv: { DEFAULT_IMAGE_MODEL: model, DEFAULT_IMAGE_EDIT_MODEL: model, DEFAULT_FRAMES_MODEL: model }
  })
  client = new GatewayClient(system)
}, 60_000)
afterAll(() => system?.stop(), 60_000)

const post = (path: string, json: object, options: SendOptions = {}) => client.send(path, { ...options, json })
const generate = (json: object) => post("/image/generate", { prompt: "a photo of the cat", width: 256, height: 256, num_inference_steps: 20, ...json })

const pixelsOf = async (base64: string) => {
  const { data, info } = await sharp(Buffer.from(base64, "base64")).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

const meanDifference = (left: Uint8Array, right: Uint8Array) => left.reduce((sum, value, i) => sum + Math.abs(value - right[i]!), 0) / left.length

/** A job that takes a while, started without waiting for it. */
const startFrames = async (prompt: string, more: object = {}) => {
  const options = { headers: { prefer: "respond-async", "x-darkroom-attach": "no" } }
  const { body, status } = await post("/video/generate-frames", { prompt, num_frames: 16, num_inference_steps: 50, seed: 1, ...more }, options)
  assert.strictEqual(status, 202, JSON.stringify(body))
  return String(body.job_id)
}

const stepsIn = (events: ReadonlyArray<{ readonly event?: string | undefined; readonly data: string }>) =>
  events.filter(({ event }) => event === "step").map(({ data }) => JSON.parse(data) as { phase: string; step: number; steps: number }).filter(({ phase }) => phase === "running")

describe("POST /image/generate", () => {
  it("gives the pixels of the pipeline, in the size asked for", async () => {
    const { body, status } = await generate({ width: 264, height: 296, seed: 3, style: null, negative_prompt: "blurry", guidance_scale: 5 })
    assert.strictEqual(status, 200, JSON.stringify(body))
    assert.notProperty(body, "warnings")
    const parameters = { width: 264, height: 296, seed: 3, steps: 20, cfg: 5, negative_prompt: "blurry" }
    const expected = await Effect.runPromise(
      Effect.gen(function*() {
        const opened = yield* openModel(contextOf(model))
        return yield* textToImage(opened, { kind: "text_to_image", prompt: "a photo of the cat", parameters, inputs: [], seed: 3 }, () => Effect.void)
      }).pipe(Effect.scoped)
    )
    const image = await pixelsOf(body.image_base64)
    assert.deepInclude(image, { width: 264, height: 296 })
    assert.isAtMost(difference(image.data, expected.images[0]!.data), 1)
  })
  it("draws what is larger than the model's pictures at their area, enlarges it, and says so", async () => {
    const { body, status } = await generate({ width: 768, height: 384, seed: 3 })
    assert.strictEqual(status, 200, JSON.stringify(body))
    assert.deepInclude(await pixelsOf(body.image_base64), { width: 768, height: 384 })
    assert.include(body.warnings.join(), "Drawn at 424x208")
  })
  it("knows styles by name, and says which when it does not", async () => {
    const plain = await generate({ seed: 3, style: null })
    const styled = await generate({ seed: 3, style: "anime" })
    const strange = await generate({ seed: 3, style: "cubist" })
    assert.notStrictEqual(styled.body.image_base64, plain.body.image_base64)
    assert.notProperty(styled.body, "warnings")
    assert.include(strange.body.warnings.join(), 'no style "cubist"')
    assert.include(strange.body.warnings.join(), "oil-painting")
  })
  it("uses adapters by name, and refuses those that there are not", async () => {
    const plain = await generate({ seed: 3 })
    const none = await generate({ seed: 3, loras: [{ name: "tiny_adapter", weight: 0 }] })
    const some = await generate({ seed: 3, loras: [{ name: "tiny_adapter", weight: 1 }] })
    assert.strictEqual(none.body.image_base64, plain.body.image_base64)
    assert.notStrictEqual(some.body.image_base64, plain.body.image_base64)
    const unknown = await generate({ loras: [{ name: "watercolours", weight: 1 }] })
    assert.strictEqual(unknown.status, 400)
    assert.include(unknown.body.detail, "tiny_adapter")
    assert.strictEqual((await generate({ loras: [{ name: "tiny_adapter", weight: 3 }] })).status, 400)
  })
  it("refuses sizes that are none", async () => {
    for (const size of [{ width: 257 }, { height: 128 }, { width: 2048 }, { height: 0 }, { width: "512" }]) {
      const { body, status } = await generate(size)
      assert.strictEqual(status, 400, JSON.stringify(size))
      assert.include(body.detail, Object.keys(size)[0])
    }
  })
})

describe("POST /image/edit", () => {
  const golden = goldens("sdxl")
  it("gives diffusers' pixels for the same seed", async () => {
    const { input: [width, height], prompt, steps, ...given } = golden.json("cases").image_to_image.half
    const raw = { width, height, channels: 3 } as const
    const image = await sharp(golden.array("half-input").data as Uint8Array, { raw }).png().toBuffer()
    const { body, status } = await post("/image/edit", {
      prompt,
      image_base64: image.toString("base64"),
      num_inference_steps: steps,
      guidance_scale: given.cfg,
      strength: given.strength,
      seed: given.seed,
      style: null
    })
    assert.strictEqual(status, 200, JSON.stringify(body))
    const edited = await pixelsOf(body.image_base64)
    assert.isAtMost(difference(edited.data, golden.array("half-pixels").data), 1)
  })
  it("refuses a strength that leaves nothing to do", async () => {
    const image = await sharp({ create: { width: 64, height: 64, channels: 3, background: "#406080" } }).png().toBuffer()
    const { body, status } = await post("/image/edit", { prompt: "x", image_base64: image.toString("base64"), strength: 0.01 })
    assert.strictEqual(status, 400, JSON.stringify(body))
    assert.include(body.detail, "strength of at least 0.05")
  })
})

describe("POST /video/generate-frames", () => {
  it("gives frames that begin with the seed's picture and move away from it", async () => {
    const common = { prompt: "a photo of the cat", seed: 5, num_inference_steps: 20 }
    const { body, status } = await post("/video/generate-frames", { ...common, num_frames: 3 })
    assert.strictEqual(status, 200, JSON.stringify(body))
    const frames = await Promise.all((body.frames as ReadonlyArray<string>).map(pixelsOf))
    const alone = await pixelsOf((await generate(common)).body.image_base64)
    assert.strictEqual(difference(frames[0]!.data, alone.data), 0)
    const [near, far] = [meanDifference(frames[0]!.data, frames[1]!.data), meanDifference(frames[0]!.data, frames[2]!.data)]
    assert.isTrue(0 < near && near < far, `${near}, ${far}`)
    const stranger = await pixelsOf((await generate({ ...common, seed: 77 })).body.image_base64)
    assert.isAbove(meanDifference(frames[0]!.data, stranger.data), far)
  })
  it("tells every step of every frame", async () => {
    const { events } = await client.events(await startFrames("a cat", { num_frames: 3, num_inference_steps: 20 }))
    const steps = stepsIn(events)
    assert.isNotEmpty(steps)
    assert.isTrue(steps.every(({ steps }) => steps === 60))
    assert.isAbove(steps.at(-1)!.step, 40)
  })
  it("is cancelled between two steps, and the agent goes on with its model in memory", async () => {
    const job = await startFrames("a cat that nobody waits for")
    await client.events(job, { enough: (events) => stepsIn(events).some(({ step }) => step > 1) })
    const { status } = await client.send(`/api/job/${job}/cancel`, { method: "POST" })
    assert.strictEqual(status, 200)
    assert.strictEqual((await client.until(job, ["cancelled", "completed", "failed"])).status, "cancelled")
    const loads = () => system.fleet.log().split("model loaded").length
    const before = loads()
    assert.isAbove(before, 1)
    assert.strictEqual((await generate({ seed: 1 })).status, 200)
    assert.strictEqual(loads(), before)
  })
})

describe("memory", () => {
  it("that is not enough fails the job by name, and the next one is drawn", async () => {
    const { body, status } = await generate({ prompt: "a cat alloc_fails_at=2" })
    assert.strictEqual(status, 500)
    assert.strictEqual(body.error_class, "out_of_memory")
    assert.include(body.detail, "allocate memory")
    assert.strictEqual((await generate({ seed: 1 })).status, 200)
  })
})
