import { assert, beforeAll, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { isAlive } from "../../src/platform/processes/LockFile.ts"

/**
 * `darkroom models` as a program. Only the exporter is a stand-in, because a test needs no PyTorch: a script takes the plan
 * and writes a real tiny graph, or what a wrong or hostile exporter would write. The real exporter is run by hand:
 * scripts/export/check.
 */

const repository = fileURLToPath(new URL("../..", import.meta.url))
const fresh = () => mkdtempSync(join(tmpdir(), "darkroom-models-command-"))

/** Acts as its plan's `options.act` says. */
const standIn = `#!${process.execPath}
const { createHash } = require("node:crypto"), { mkdirSync, readFileSync, rmSync, writeFileSync } = require("node:fs"), { join } = require("node:path")
const plan = JSON.parse(readFileSync(process.argv.at(-1), "utf8"))
const say = (event) => process.stdout.write(JSON.stringify(event) + "\\n")
const { act } = plan.options
if (process.argv[2] !== "-m" || process.argv[3] !== "darkroom_export") process.exit(64)
say({ event: "export", what: "exporting the step", done: 0, total: 1 })
if (act === "fail") { say({ event: "error", message: "the disk is on fire" }); process.exit(1) }
rmSync(plan.target, { recursive: true, force: true })
mkdirSync(plan.target)
process.stdin.resume().once("end", () => process.exit(1))
if (act === "hang") { writeFileSync(join(plan.target, "pid"), String(process.pid)); setInterval(() => {}, 1000); return }
const graph = readFileSync(${JSON.stringify(join(repository, "test/fixtures/models/noop/noop.onnx"))})
const content = act === "hostile" ? Buffer.from("not a graph") : graph
writeFileSync(join(plan.target, "step.onnx"), content)
writeFileSync(join(plan.target, "model.json"), JSON.stringify({
  manifest_version: 1, name: plan.name, version: plan.version, description: plan.description, family: plan.family, license: plan.license,
  kinds: plan.kinds, uses_parameters: plan.uses_parameters, load_time_ms: plan.load_time_ms, timeout_s: plan.timeout_s,
  files: [{ path: "step.onnx", bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") }],
  variants: [{ execution_provider: "cpu", precision: plan.precisions[0], graphs: { step: "step.onnx" }, memory_bytes: 1000 }], settings: {}
}))
if (act !== "mute") say({ event: "done", target: plan.target })
process.exit(0)
`

interface Answer {
  readonly code: number | null
  readonly text: string
}

const place = { models: "", cache: "", weights: "", python: "", pools: "" }

const start = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): ChildProcess =>
  spawn(process.execPath, [join(repository, "src/cli/main.ts"), "models", ...args], {
    env: {
      PATH: process.env["PATH"] ?? "", HOME: place.cache, NO_COLOR: "1", MODELS_DIR: place.models, XDG_CACHE_HOME: place.cache,
      DARKROOM_EXPORT_PYTHON: place.python, POOL_FILE: place.pools, ...env
    },
    stdio: ["ignore", "pipe", "pipe"]
  })

const answerOf = (child: ChildProcess): Promise<Answer> =>
  new Promise((resolve) => {
    let text = ""
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString()))
    child.once("close", (code) => resolve({ code, text }))
  })

const models = (...args: Array<string>) => answerOf(start(args))
const add = (act: string, ...more: Array<string>) => models("add", "mine", "--family", "sdxl", "--from", place.weights, "--set", `act=${act}`, ...more)

beforeAll(() => {
  Object.assign(place, { models: fresh(), cache: fresh(), weights: fresh() })
  place.python = join(place.cache, "python")
  place.pools = join(place.cache, "pool.yaml")
  writeFileSync(join(place.weights, "model.safetensors"), Buffer.alloc(1000))
  writeFileSync(place.python, standIn)
  chmodSync(place.python, 0o755)
  const spec = { replicas: 0, maxReplicas: 1, models: ["mine"], placement: { gpu: { count: 0, product: "CPU" } } }
  writeFileSync(place.pools, JSON.stringify({ apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", metadata: { name: "local" }, spec }))
})

describe("darkroom models", () => {
  it("an empty folder: says what could be added", async () => {
    const { code, text } = await models("list")
    assert.strictEqual(code, 0)
    assert.include(text, `no models in ${place.models}`)
    assert.include(text, "darkroom models add sdxl-base-1.0")
  })

  it("a licence that was not accepted stops everything before the exporter", async () => {
    const { code, text } = await models("add", "mistral-7b-instruct-v0.1")
    assert.strictEqual(code, 1)
    assert.include(text, "the licence Apache-2.0 was not accepted: read it at https://")
    assert.deepStrictEqual(readdirSync(place.models), [])
    assert.notInclude(text, "exporting")
  })

  it("too little memory or disk is said before the exporter, too", async () => {
    const weights = fresh()
    // A hole of 1 TB.
    writeFileSync(join(weights, "model.safetensors"), "")
    truncateSync(join(weights, "model.safetensors"), 10 ** 12)
    const { code, text } = await models("add", "large", "--family", "sdxl", "--from", weights)
    assert.strictEqual(code, 1)
    assert.include(text, "of memory are free, and about 3.0 TB are needed")
    assert.include(text, `${place.models} has room for`)
    assert.include(text, "Nothing was fetched.")
  })

  it("no Python that is new enough: names it and the fix", async () => {
    const empty = fresh()
    const old = join(empty, "python3")
    writeFileSync(old, "#!/bin/sh\necho 3.9 /usr/bin/python3\n")
    chmodSync(old, 0o755)
    const { code, text } = await answerOf(start(["add", "mine", "--family", "sdxl", "--from", place.weights], { PATH: empty, DARKROOM_EXPORT_PYTHON: "" }))
    assert.strictEqual(code, 1)
    assert.include(text, "python3 is 3.9")
    assert.include(text, "DARKROOM_EXPORT_PYTHON")
  })

  it.each([
    ["fail", "the disk is on fire"],
    ["mute", "without a word"],
    ["hostile", "is refused: it is no ONNX graph"]
  ])("an exporter that goes wrong (%s) installs nothing", async (act, why) => {
    const { code, text } = await add(act)
    assert.strictEqual(code, 1)
    assert.include(text, why)
    assert.isFalse(existsSync(join(place.models, "mine")))
    assert.include((await models("list")).text, "no models in")
  })

  it.each(["SIGINT", "SIGKILL"] as const)("%s in the middle leaves nothing that looks installed, and the next run starts afresh", async (signal) => {
    const child = start(["add", "mine", "--family", "sdxl", "--from", place.weights, "--set", "act=hang"])
    const ended = answerOf(child)
    const half = join(place.models, ".mine.adding", "pid")
    for (let tries = 0; tries < 200 && !existsSync(half); tries++) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.isTrue(existsSync(half))
    const exporter = Number(readFileSync(join(place.models, ".mine.adding", "pid"), "utf8"))
    child.kill(signal)
    const { code } = await ended
    assert.strictEqual(code, signal === "SIGINT" ? 130 : null)
    for (let tries = 0; tries < 100 && isAlive(exporter); tries++) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.isFalse(isAlive(exporter), "the exporter outlives the command")
    assert.isFalse(existsSync(join(place.models, "mine")))
    assert.strictEqual(existsSync(half), signal === "SIGKILL")
    assert.include((await models("list")).text, "no models in")
  })

  it("adds, lists, and will not add twice", async () => {
    const { code, text } = await add("well", "--precision", "int8")
    assert.strictEqual(code, 0, text)
    assert.include(text, `installed ${join(place.models, "mine")}`)
    assert.deepStrictEqual(readdirSync(place.models), ["mine"])
    const { text: list } = await models("list")
    assert.include(list, "mine 1  sdxl  text_to_image, image_to_image, frames")
    assert.include(list, "cpu-int8")
    assert.include(list, "  verified")
    const again = await add("well")
    assert.strictEqual(again.code, 1)
    assert.include(again.text, "darkroom models remove mine")
  })

  it("verify reads every byte and names the file that is wrong", async () => {
    assert.strictEqual((await models("verify")).code, 0)
    const path = join(place.models, "mine", "step.onnx")
    const bytes = readFileSync(path)
    const flipped = Buffer.from(bytes)
    flipped[20] = flipped[20]! ^ 1
    writeFileSync(path, flipped)
    const { code, text } = await models("verify", "mine")
    assert.strictEqual(code, 1)
    assert.include(text, "step.onnx: its sha256 is")
    assert.include((await models("list")).text, "were not checked yet")
    writeFileSync(path, bytes.subarray(1))
    assert.include((await models("list")).text, "WRONG: step.onnx: it has 156 bytes instead of 157")
    writeFileSync(path, bytes)
    assert.strictEqual((await models("verify", "mine")).code, 0)
  })

  it("remove asks, and says which pool still lists the model", async () => {
    mkdirSync(join(place.models, "documents"))
    assert.strictEqual((await models("remove", "documents", "--yes")).code, 1)
    assert.isTrue(existsSync(join(place.models, "documents")))
    const unasked = await models("remove", "mine")
    assert.strictEqual(unasked.code, 1)
    assert.include(unasked.text, "nothing was removed")
    const { code, text } = await models("remove", "mine", "--yes")
    assert.strictEqual(code, 0)
    assert.include(text, `still listed by the pool local (${place.pools})`)
    assert.deepStrictEqual(readdirSync(place.models), ["documents"])
  })
})
