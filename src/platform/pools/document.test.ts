import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { describeProblem, parsePools, withModels, withReplicas } from "./document.ts"
import { poolTemplate } from "./template.ts"

const problemsOf = (text: string): ReadonlyArray<string> =>
  Result.match(parsePools(text), { onSuccess: () => [], onFailure: (problems) => problems.map(describeProblem) })

const pool = (name: string, spec: string) =>
  `apiVersion: darkroom.dev/v1alpha1\nkind: GpuPool\nmetadata:\n  name: ${name}\nspec:\n${spec}`

describe("withModels", () => {
  const modelsOf = (text: string) => Result.getOrThrow(parsePools(text)).map(({ spec }) => spec.models)
  it("writes the list over in place and leaves all else, to the letter", () => {
    const text = poolTemplate(["starter"])
    const written = withModels(text, "local", ["starter", "sdxl"])!
    assert.deepStrictEqual(modelsOf(written), [["starter", "sdxl"]])
    assert.strictEqual(written.replace("[starter, sdxl]", "[starter]"), text)
  })
  it("knows a list of lines, other pools, and a pool that is not there", () => {
    const text = `${pool("a", "  models:\n    - starter # small\n")}---\n${pool("b", "  models: [noop]\n")}`
    assert.deepStrictEqual(modelsOf(withModels(text, "a", ["x", "y"])!), [["x", "y"], ["noop"]])
    assert.isUndefined(withModels(text, "c", ["x"]))
  })
})

describe("parsePools", () => {
  it("reads the template, with the defaults of the schema", () => {
    const [local] = Result.getOrThrow(parsePools(poolTemplate(["starter", "noop"])))
    assert.strictEqual(local?.metadata.name, "local")
    assert.deepStrictEqual(local?.spec.models, ["starter", "noop"])
    assert.strictEqual(local?.spec.placement.gpu.count, 0)
    assert.strictEqual(local?.spec.scaling.mode, "Queue")
  })

  it("reads one pool a document", () => {
    const text = `${pool("a", "  models: [starter]\n")}---\n${pool("b", "  models: [noop]\n")}`
    assert.deepStrictEqual(Result.getOrThrow(parsePools(text)).map((pool) => pool.metadata.name), ["a", "b"])
  })

  it("names the line and the field of each problem", () => {
    const problems = problemsOf(pool("a", "  replicas: -1\n  maxReplica: 3\n  scaling:\n    cooldown: soon\n"))
    assert.include(problems.join("\n"), "line 6: spec.replicas: ")
    assert.include(problems.join("\n"), "line 7: spec.maxReplica: ")
    assert.include(problems.join("\n"), "line 9: spec.scaling.cooldown: ")
    assert.include(problems.join("\n"), "spec.models: ")
  })

  it("refuses a floor above the ceiling, two pools of one name, broken YAML and an empty file", () => {
    assert.include(problemsOf(pool("a", "  models: [m]\n  replicas: 3\n  maxReplicas: 2\n")).join(), "must not exceed maxReplicas")
    const one = pool("a", "  models: [m]\n")
    assert.include(problemsOf(`${one}---\n${one}`).join(), "line 11: metadata.name: there are two pools named \"a\"")
    assert.include(problemsOf("spec: [").join(), "line 1: ")
    assert.deepStrictEqual(problemsOf("# nothing\n"), ["line 1: there is no pool in the file"])
  })

  it("does not mind labels and annotations of a manifest made for a cluster", () => {
    const text = pool("a", "  models: [m]\n").replace("  name: a\n", "  name: a\n  labels: {team: photo}\n")
    assert.deepStrictEqual(problemsOf(text), [])
  })
})

describe("withReplicas", () => {
  it("changes two numbers of one pool and nothing else", () => {
    const text = `# first\n${pool("a", "  models: [m] # ours\n  replicas: 0\n  maxReplicas: 1\n")}---\n# second\n${
      pool("b", "  models: [m]\n  replicas: 1\n  maxReplicas: 1\n")
    }`
    const changed = withReplicas(text, "b", { replicas: 3, maxReplicas: 4 })
    const expected = text.replace("replicas: 1\n  maxReplicas: 1\n", "replicas: 3\n  maxReplicas: 4\n")
    assert.strictEqual(changed, expected)
  })

  it("keeps the places of both numbers when they get longer or change order", () => {
    const text = pool("a", "  maxReplicas: 1\n  replicas: 0\n  models: [m]\n")
    assert.strictEqual(
      withReplicas(text, "a", { replicas: 10, maxReplicas: 120 }),
      text.replace("maxReplicas: 1\n  replicas: 0", "maxReplicas: 120\n  replicas: 10")
    )
  })

  it("adds what was left to the defaults", () => {
    const changed = withReplicas(pool("a", "  models: [m]\n"), "a", { replicas: 0, maxReplicas: 1 }) ?? ""
    assert.strictEqual(Result.getOrThrow(parsePools(changed))[0]?.spec.replicas, 0)
  })

  it("knows no other pool", () => assert.isUndefined(withReplicas(pool("a", "  models: [m]\n"), "z", { replicas: 0, maxReplicas: 1 })))
})
