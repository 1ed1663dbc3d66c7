import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { curlLine, editedReport, modelsReport, servingReport } from "./report.ts"

describe("what up prints", () => {
  it("a curl whose words survive the shell, whatever the photo and the sentence", () => {
    const line = curlLine("http://127.0.0.1:3000", "dkr_k", "/a b/it's.png", "the dog's \"hat\" & $HOME `x`")
    // A function in place of the program shows what the shell makes of it.
    const words = execFileSync("sh", ["-c", `curl() { for word in "$@"; do echo "[$word]"; done; }\n${line}`], { encoding: "utf8" })
    assert.include(words, "[X-API-Key: dkr_k]")
    assert.include(words, "[image=@/a b/it's.png]")
    assert.include(words, "[prompt=the dog's \"hat\" & $HOME `x`]")
    assert.include(words, "[http://127.0.0.1:3000/api/edit]")
  })

  it("paths relative to where the person is, or whole when they are elsewhere", () => {
    assert.strictEqual(editedReport("/d/examples/a.png", "/d/examples/b.png", "/d"), "  before  examples/a.png\n  after   examples/b.png")
    assert.include(editedReport("/d/examples/a.png", "/d/examples/b.png", "/e"), "/d/examples/a.png")
  })

  it("the model of each kind of job, or how to install one", () => {
    const report = (...names: ReadonlyArray<string>) => modelsReport({ edit: "starter", frames: "sdxl" }, { names, file: "/d/pool.yaml" })
    assert.include(report("starter-text"), "in no list of /d/pool.yaml: starter-text")
    const lines = report().trim().split("\n")
    assert.strictEqual(lines.length, 5)
    assert.match(lines[0]!, /edit +starter$/)
    assert.match(lines[2]!, /text_to_image +nothing yet: darkroom models add \S+$/)
    assert.match(lines[3]!, /frames +sdxl$/)
  })

  it("the URLs and the key", () => {
    const text = servingReport({ api: "http://h:1", models: "http://h:2", metrics: undefined }, "dkr_k", "p.png", "s")
    for (const part of ["http://h:1/docs", "http://h:2", "dkr_k"]) assert.include(text, part)
    assert.notInclude(text, "metrics")
  })
})
