import sharp from "sharp"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startSystem, type System } from "../../src/testing/System.ts"
import { difference, goldens } from "../pipelines/fixtureModel.ts"
import { type Answer, GatewayClient } from "./gatewayClient.ts"

/** The tiny FireRed through the whole system: HTTP, job log, agent, ONNX, and back; the pixels are those of diffusers. */

const model = "tiny-qwen-image-edit"
const { array, json } = goldens("qwen-image-edit")
const cases = json("cases") as ReadonlyArray<{
  readonly name: string
  readonly images: ReadonlyArray<string>
  readonly prompt: string
  readonly negative?: string
  readonly steps: number
  readonly cfg: number
  readonly seed: number
  readonly adapters?: Readonly<Record<string, number>>
}>
const caseOf = (name: string) => cases.find((one) => one.name === name)!

let system: System
let client: GatewayClient
const pictures = new Map<string, string>()
beforeAll(async () => {
  system = await startSystem({ models: [model], gatewayEnv: { DEFAULT_IMAGE_EDIT_MODEL: model } })
  client = new GatewayClient(system)
  for (const name of ["landscape", "portrait", "square"]) {
    const { data, shape } = array(name)
    const raw = { width: shape[1]!, height: shape[0]!, channels: 3 } as const
    pictures.set(name, (await sharp(data as Uint8Array, { raw }).png().toBuffer()).toString("base64"))
  }
}, 60_000)
afterAll(() => system?.stop(), 60_000)

const fieldsOf = (name: string): { readonly prompt: string; readonly fields: object } => {
  const { adapters = {}, cfg, images, prompt, seed, steps } = caseOf(name)
  const [image, ...further] = images.map((one) => pictures.get(one)!)
  const loras = Object.entries(adapters).map(([name, weight]) => ({ name, weight }))
  return { prompt, fields: { image, images: further, steps, cfg, seed, loras } }
}

const edit = (name: string, more: object = {}): Promise<Answer> => {
  const { fields, prompt } = fieldsOf(name)
  return client.edit(prompt, { ...fields, ...more })
}

const assertPixels = async (base64: string, name: string) => {
  const { data, info } = await sharp(Buffer.from(base64, "base64")).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const expected = array(`${name}.edited`)
  assert.deepStrictEqual([info.height, info.width, info.channels], [...expected.shape])
  assert.isAtMost(difference(data, expected.data), 1)
}

describe("POST /api/edit", () => {
  it.each(["one", "cfg", "three", "adapter"])("gives diffusers' pixels for the same seed: %s", async (name) => {
    const { body, status } = await edit(name)
    assert.strictEqual(status, 200, JSON.stringify(body))
    const { cfg, seed, steps } = caseOf(name)
    assert.deepStrictEqual(body.config, { steps, cfg, seed })
    assert.deepStrictEqual(body.warnings, [])
    await assertPixels(body.output_b64, name)
  })
  it("tells every step, and the picture's size is the model's", async () => {
    const { fields, prompt } = fieldsOf("cfg")
    const job = await client.start(`${prompt} slow_ms=20`, fields)
    const { events } = await client.events(job)
    const steps = events.filter(({ event }) => event === "step").map(({ data }) => JSON.parse(data) as { phase: string; step: number; steps: number })
      .filter(({ phase }) => phase === "running")
    assert.isTrue(steps.length > 0 && steps.every((one) => one.steps === 5), JSON.stringify(steps))
    assert.deepStrictEqual(steps.map(({ step }) => step), steps.map(({ step }) => step).toSorted((a, b) => a - b))
    const { body } = await client.status(job)
    assert.deepInclude(body, { status: "completed", input_size: "22x46", output_size: "32x96" })
  })
  it("refuses what the model cannot do, by name", async () => {
    const tooMany = await edit("one", { steps: 20 })
    assert.strictEqual(tooMany.status, 400, JSON.stringify(tooMany.body))
    assert.include(tooMany.body.detail, "takes 4 to 8 steps, not 20")
    const unknown = await edit("one", { loras: [{ name: "freckles", weight: 1 }] })
    assert.strictEqual(unknown.status, 400)
    assert.include(JSON.stringify(unknown.body), "makeup")
    const narrow = await sharp({ create: { width: 900, height: 3, channels: 3, background: "#808080" } }).png().toBuffer()
    const long = await edit("one", { image: narrow.toString("base64") })
    assert.strictEqual(long.status, 400)
    assert.include(long.body.detail, "900x3 is too long and narrow")
  })
  it("is cancelled between two steps, and the agent goes on with its model in memory", async () => {
    const { fields, prompt } = fieldsOf("three")
    const job = await client.start(`${prompt} slow_ms=300`, fields)
    const stepOf = (data: string) => (JSON.parse(data) as { step: number }).step
    await client.events(job, { enough: (events) => events.some(({ data, event }) => event === "step" && stepOf(data) >= 1) })
    const { status } = await client.send(`/api/job/${job}/cancel`, { method: "POST" })
    assert.strictEqual(status, 200)
    assert.strictEqual((await client.until(job, ["cancelled", "completed", "failed"])).status, "cancelled")
    const loads = () => system.fleet.log().split("model loaded").length
    const before = loads()
    assert.isAbove(before, 1)
    assert.strictEqual((await edit("one")).status, 200)
    assert.strictEqual(loads(), before)
  })
})

describe("POST /image/edit", () => {
  it("takes a negative prompt", async () => {
    const { cfg, negative, prompt, seed, steps } = caseOf("two")
    const body = { prompt, negative_prompt: negative, num_inference_steps: steps, guidance_scale: cfg, seed, image_base64: pictures.get("square") }
    const guided = await client.send("/image/edit", { json: body })
    assert.strictEqual(guided.status, 200, JSON.stringify(guided.body))
    const otherwise = await client.send("/image/edit", { json: { ...body, negative_prompt: "sharp, high quality" } })
    assert.notStrictEqual(otherwise.body.image_base64, guided.body.image_base64)
  })
})

describe("memory", () => {
  it("that ONNX Runtime does not get fails the job by name, and the next one is edited", async () => {
    const { body, status } = await client.edit("darker alloc_fails_at=2", { image: pictures.get("square"), steps: 4 })
    assert.strictEqual(status, 500)
    assert.strictEqual(body.error_class, "out_of_memory")
    assert.include(body.detail, "allocate memory")
    assert.strictEqual((await edit("one")).status, 200)
  })
})
