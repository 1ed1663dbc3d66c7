import { execFile } from "node:child_process"
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startSystem, type System } from "../../src/testing/System.ts"

/** The curl, Python and JavaScript examples of both published APIs, run as they stand but for base URL, key and photo. */

const repository = fileURLToPath(new URL("../..", import.meta.url))
const editApi = JSON.parse(readFileSync(join(repository, "docs/spec/edit-api.json"), "utf8")) as {
  endpoints: Array<{ path: string; example_curl?: string; example_python?: string; example_javascript?: string }>
}
const modelsApi = readFileSync(join(repository, "docs/spec/models-api.md"), "utf8")
/** A Python with `requests` (scripts/test examples makes one). */
const python = process.env["DARKROOM_TEST_PYTHON"] ?? "python3"

let system: System
let dir: string
let photo: string

beforeAll(async () => {
  system = await startSystem({ env: { DEFAULT_TEXT_MODEL: "noop", DEFAULT_IMAGE_MODEL: "noop" } })
  dir = mkdtempSync(join(tmpdir(), "darkroom-examples-"))
  const astronaut = join(repository, "examples/astronaut.png")
  copyFileSync(astronaut, join(dir, "photo.jpg"))
  photo = readFileSync(astronaut).toString("base64")
}, 60_000)
afterAll(async () => {
  await system?.stop()
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
}, 60_000)

const run = async (file: string, args: ReadonlyArray<string>): Promise<string> =>
  (await promisify(execFile)(file, [...args], { cwd: dir, maxBuffer: 64 * 1024 * 1024, encoding: "utf8" })).stdout

const gatewayUrl = () => system.gateways[0]?.url ?? ""
const modelsUrl = () => system.gateways[0]?.modelsUrl ?? ""

const example = (language: "example_curl" | "example_python" | "example_javascript"): string => {
  const text = editApi.endpoints.find(({ path }) => path === "/api/edit")?.[language] ?? ""
  assert.include(text, "/api/edit")
  return text.replaceAll("<base url>", gatewayUrl()).replaceAll("<your key>", system.key)
}

/** The fenced block of the models API that contains a text. */
const block = (containing: string): string => {
  const found = [...modelsApi.matchAll(/```\w*\n([\s\S]*?)```/g)].map((match) => match[1] ?? "")
    .filter((text) => text.includes(containing)).at(-1)
  assert.isDefined(found, containing)
  return (found ?? "").replaceAll("http://localhost:8000", modelsUrl())
}

const isPng = (bytes: Buffer) => assert.strictEqual(bytes.subarray(1, 4).toString(), "PNG")

describe("edit API", () => {
  it("curl", async () => {
    // The photo is too long for one argument of a shell, so the body goes through a file; every other word is the example's.
    const [before, body, after] = /^([\s\S]*-d )'([\s\S]*)'([\s\S]*)$/.exec(example("example_curl"))?.slice(1) ?? []
    assert.isDefined(body)
    writeFileSync(join(dir, "body.json"), (body ?? "").replace("<base64>", photo))
    const answer = JSON.parse(await run("bash", ["-c", `${before}@body.json${after} -s`])) as { output_b64: string; status: string }
    assert.strictEqual(answer.status, "completed")
    isPng(Buffer.from(answer.output_b64, "base64"))
  })

  it("Python", async () => {
    await run(python, ["-c", example("example_python")])
    isPng(readFileSync(join(dir, "edited.png")))
  })

  it("JavaScript", async () => {
    writeFileSync(
      join(dir, "example.mjs"),
      `${example("example_javascript")}
import { readFileSync } from "node:fs"
const answer = await editImage(readFileSync("photo.jpg").toString("base64"), "Add sunglasses")
console.log(JSON.stringify(answer))`
    )
    const answer = JSON.parse(await run(process.execPath, ["example.mjs"])) as { status: string; output_b64: string }
    assert.strictEqual(answer.status, "completed")
    isPng(Buffer.from(answer.output_b64, "base64"))
  })
})

describe("models API", () => {
  it("curl: text", async () => {
    const answer = JSON.parse(await run("bash", ["-c", block("What is machine learning?")])) as Record<string, string>
    assert.hasAllKeys(answer, ["text", "prompt", "finish_reason"])
    assert.strictEqual(answer["prompt"], "What is machine learning?")
  })

  it("curl and Python: image", async () => {
    await run("bash", ["-c", block("A cat wearing sunglasses")])
    assert.isTrue(existsSync(join(dir, "output.png")))
    isPng(readFileSync(join(dir, "output.png")))
  })

  it("Node.js: text", async () => {
    writeFileSync(join(dir, "text.mjs"), block("prompt: \"Hello\""))
    assert.isNotEmpty((await run(process.execPath, ["text.mjs"])).trim())
  })
})
