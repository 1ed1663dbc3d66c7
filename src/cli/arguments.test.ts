import { assert, describe, it } from "@effect/vitest"
import { parseCommand, usage } from "./arguments.ts"

describe("parseCommand", () => {
  it.each([
    [["up"], { _tag: "Up", once: false, testModels: false, port: undefined, data: undefined }],
    [["up", "--once", "--port", "3100", "--test-models", "--data", "d"], { _tag: "Up", once: true, testModels: true, port: 3100, data: "d" }],
    [["edit", "a.png", "make it blue", "-o", "b.png", "--seed", "7"], {
      _tag: "Edit", photo: "a.png", sentence: "make it blue", out: "b.png", seed: 7, model: undefined, data: undefined
    }],
    [["keys", "create", "ci", "--scopes", "read, admin"], { _tag: "Keys", action: "create", name: "ci", scopes: ["read", "admin"], data: undefined }],
    [["pool", "scale", "local", "2"], { _tag: "Pool", scale: { pool: "local", replicas: 2 }, data: undefined }],
    [["doctor"], { _tag: "Doctor", data: undefined }],
    [[], { _tag: "Help", of: undefined }],
    [["up", "--help"], { _tag: "Help", of: "up" }]
  ])("%j", (argv, expected) => assert.deepStrictEqual<unknown>(parseCommand(argv), expected))

  it.each([
    [["start"], "no command \"start\""],
    [["up", "now"], "takes no \"now\""],
    [["up", "--port", "http"], "--port must be a number"],
    [["up", "--seed", "1"], "up has no option --seed"],
    [["up", "--ones"], "--ones"],
    [["edit", "a.png"], "a photo and a sentence"],
    [["edit", "a.png", "make", "it", "blue"], "in quotes"],
    [["keys", "revoke"], "the id of a key"],
    [["keys", "create", "x", "--scopes", "root"], "no scope \"root\""],
    [["pool", "scale", "local", "many"], "from 0 to 10000"]
  ])("%j is refused, saying why", (argv, why) => {
    const command = parseCommand(argv)
    assert.strictEqual(command._tag, "Wrong")
    if (command._tag === "Wrong") assert.include(command.message, why)
  })

  it("every command has its help", () => {
    for (const name of ["up", "edit", "keys", "pool", "models", "doctor"]) assert.include(usage[name], `darkroom ${name}`)
  })
})
