import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import packageJson from "../../package.json" with { type: "json" }

const repository = fileURLToPath(new URL("../..", import.meta.url))
const read = (path: string) => readFileSync(join(repository, path), "utf8")

const versionIn = (requirements: string, name: string) => new RegExp(`^${name}==(\\S+)$`, "m").exec(requirements)?.[1]

describe("the CUDA provider", () => {
  it("is of the very version of the Node binding: they share structures that no symbol guards", () => {
    assert.strictEqual(versionIn(read("scripts/cuda/requirements.txt"), "onnxruntime-gpu"), packageJson.dependencies["onnxruntime-node"])
  })
  it("every version is pinned", () => {
    for (const path of ["scripts/cuda/requirements.txt", "scripts/export/requirements.txt"]) {
      for (const line of read(path).split("\n").filter((one) => one !== "" && !one.startsWith("#"))) assert.match(line, /^[\w-]+==[\w.]+$/)
    }
  })
  it("is brought into the image by the same script as onto a machine", () => {
    assert.include(read("Dockerfile"), "RUN scripts/cuda-provider /opt/cuda")
    assert.match(read("Dockerfile"), /LD_LIBRARY_PATH=\/opt\/cuda/)
  })
})
