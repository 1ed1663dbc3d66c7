import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { knownModels } from "../../contract/modelCatalogue.ts"
import { type AddOptions, parseModels } from "./arguments.ts"
import { intend } from "./plan.ts"
import { shortages } from "./preflight.ts"
import { makeProgress, parseEvent } from "./progress.ts"
import { judge } from "./python.ts"
import { bytesText } from "./wording.ts"

const nothing: AddOptions = { name: "m", from: undefined, family: undefined, precisions: [], adapters: [], set: {}, acceptLicense: false, force: false }

describe("parseModels", () => {
  it.each([
    [{}, ["list"], { _tag: "List" }],
    [{}, ["verify"], { _tag: "Verify", name: undefined }],
    [{ yes: true }, ["remove", "m"], { _tag: "Remove", name: "m", yes: true }],
    [{ precision: "fp16, int4,fp16", lora: ["ink=a/b.safetensors:1.5", "plain=c"], set: ["schedule=base", "steps={\"default\":8}"], "accept-license": true }, ["add", "m"], {
      _tag: "Add",
      options: {
        ...nothing,
        precisions: ["fp16", "int4"],
        adapters: [{ name: "ink", file: "a/b.safetensors", weightMax: 1.5 }, { name: "plain", file: "c", weightMax: 1 }],
        set: { schedule: "base", steps: { default: 8 } },
        acceptLicense: true
      }
    }]
  ])("%j %j", (values, rest, expected) => assert.deepStrictEqual<unknown>(parseModels(values, rest), expected))

  it.each([
    [{}, [], "list, add, verify, remove"],
    [{}, ["add"], "needs the name"],
    [{}, ["add", "../m"], "lower-case letters"],
    [{}, ["remove", ".."], "lower-case letters"],
    [{}, ["list", "m"], "takes no \"m\""],
    [{ yes: true }, ["add", "m"], "models add has no option --yes"],
    [{ from: "x" }, ["verify"], "models verify has no option --from"],
    [{ precision: "fp8" }, ["add", "m"], "no precision \"fp8\""],
    [{ lora: ["a.safetensors"] }, ["add", "m"], "NAME=FILE"],
    [{ set: ["steps"] }, ["add", "m"], "OPTION=VALUE"]
  ])("%j %j is refused, saying why", (values, rest, why) => {
    const action = parseModels(values, rest)
    assert.isString(action)
    assert.include(action as string, why)
  })
})

describe("intend", () => {
  const plan = (options: Partial<AddOptions>) => Result.getOrThrow(intend({ ...nothing, ...options }, "/home/me"))
  const refusal = (options: Partial<AddOptions>) => Result.match(intend({ ...nothing, ...options }, "/"), { onFailure: (why) => why, onSuccess: () => "planned" })

  it("a known model is fetched from its repositories, in its family's precision", () => {
    for (const known of knownModels) {
      const { from, plan: made } = plan({ name: known.name })
      assert.isUndefined(from)
      assert.deepStrictEqual(made.sources.map((source) => source["repository"]), known.sources.map((source) => source.repository))
      assert.strictEqual(made.precisions.length, 1)
      assert.strictEqual(made.license, known.license.id)
    }
  })
  it("a folder takes the place of the download, with paths from where the command was typed", () => {
    const { plan: made } = plan({ name: "sdxl-base-1.0", from: "weights", adapters: [{ name: "ink", file: "ink.safetensors", weightMax: 2 }] })
    assert.deepStrictEqual(made.sources, [{ role: "model", folder: "/home/me/weights" }])
    assert.deepStrictEqual(made.adapters, [{ name: "ink", path: "/home/me/ink.safetensors", weight_min: 0, weight_max: 2 }])
  })
  it("the catalogue's options go with the download, and what was typed comes after them", () => {
    assert.deepStrictEqual(plan({ name: "firered-image-edit-1.1", set: { schedule: "base" } }).plan.options, { schedule: "base", precomputed_modulation: true })
    assert.deepStrictEqual(plan({ name: "firered-image-edit-1.1", from: "/w" }).plan.options, {})
  })
  it("a folder of a known family may have any name", () => {
    assert.strictEqual(plan({ name: "mine", family: "causal-lm", from: "/w" }).plan.family, "causal-lm")
  })
  it.each([
    [{ name: "mine" }, "not a model that is known here"],
    [{ name: "mine", family: "sdxl" }, "--from FOLDER"],
    [{ name: "mine", family: "starter", from: "/w" }, "no exporter for the family"],
    [{ name: "mine", family: "toString", from: "/w" }, "no exporter for the family"],
    [{ name: "sdxl-base-1.0", family: "causal-lm", from: "/w" }, "is of the family sdxl"],
    [{ name: "sdxl-base-1.0", precisions: ["int4"] as const }, "cannot be exported in int4"],
    [{ name: "mistral-7b-instruct-v0.1", adapters: [{ name: "a", file: "b", weightMax: 1 }] }, "takes no adapters"]
  ])("%j is refused, saying why", (options, why) => assert.include(refusal(options), why))
})

describe("shortages", () => {
  const needs = { download_bytes: 60, export_bytes: 40, memory_bytes: 64, cache_bytes: 6 }
  const room = (device: number, freeBytes: number) => ({ path: `/disk${device}`, device, freeBytes })

  it("on one disk everything adds up", () => {
    assert.deepStrictEqual(shortages(needs, room(1, 106), room(1, 106), 64), [])
    assert.include(shortages(needs, room(1, 105), room(1, 105), 64)[0], "/disk1")
  })
  it("on two disks each has its own", () => {
    assert.deepStrictEqual(shortages(needs, room(1, 40), room(2, 66), 64), [])
    assert.strictEqual(shortages(needs, room(1, 39), room(2, 65), 64).length, 2)
  })
  it("names memory too", () => assert.include(shortages(needs, room(1, 200), room(1, 200), 63)[0], "memory"))
})

describe("judge", () => {
  it("takes Python 3.11 and newer", () => {
    assert.deepStrictEqual(Result.getOrThrow(judge("python3", { stdout: "3.11 /usr/bin/python3\n" })), { version: "3.11", path: "/usr/bin/python3" })
    assert.isTrue(Result.isSuccess(judge("python3", { stdout: "4.0 /x\n" })))
  })
  it("says what is wrong with another", () => {
    const why = (answer: Parameters<typeof judge>[1]) => Result.match(judge("python3", answer), { onFailure: (text) => text, onSuccess: () => "taken" })
    assert.strictEqual(why({ stdout: "3.9 /usr/bin/python3\n" }), "python3 is 3.9")
    assert.strictEqual(why({ error: "ModuleNotFoundError: No module named 'ensurepip'" }), "python3 has no venv module")
    assert.strictEqual(why({ error: "ENOENT" }), "python3 does not run")
  })
})

describe("progress", () => {
  const shown = (isTerminal: boolean) => {
    let text = ""
    const progress = makeProgress((more) => (text += more), isTerminal)
    for (let done = 0; done <= 1000; done++) progress.show(parseEvent(JSON.stringify({ event: "download", what: "a/b", done: done * 1e6, total: 1e9 }))!)
    progress.show(parseEvent(`{"event":"export","what":"exporting unet","done":2,"total":5}`)!)
    progress.end()
    return text
  }
  it("a log gets a line for each tenth", () => {
    const lines = shown(false).trimEnd().split("\n")
    assert.strictEqual(lines.length, 12)
    assert.strictEqual(lines.at(-2), "  fetching a/b: 1.0 GB of 1.0 GB (100 %)")
    assert.strictEqual(lines.at(-1), "  exporting unet (2 of 5)")
  })
  it("a terminal gets one line that changes", () => assert.strictEqual(shown(true).split("\n").length, 2))
  it("other output is no event", () => assert.isUndefined(parseEvent("Loading pipeline components")))
})

describe("bytesText", () => {
  it.each([[0, "0 B"], [999, "999 B"], [1500, "1.5 kB"], [27.3e9, "27.3 GB"], [150e6, "150 MB"]] as const)("%d is %s", (bytes, text) =>
    assert.strictEqual(bytesText(bytes), text))
})
