import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, renameSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { openSession } from "../onnx/session.ts"
import { type Graph, type GraphNode, writeGraph } from "../onnx/writeGraph.ts"
import { ModelStore } from "./ModelStore.ts"
import { readOnnxFile } from "./onnxFile.ts"

const fresh = () => mkdtempSync(join(tmpdir(), "darkroom-onnx-"))
const four = { element: "float", shape: [4] } as const

/** y = x + w, with w kept at `location`. */
const adding = (location: string, more: Partial<Graph> = {}): Graph => ({
  name: "adding",
  nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
  inputs: [{ name: "x", ...four }],
  outputs: [{ name: "y", ...four }],
  initializers: [{ name: "w", shape: [4], location }],
  ...more
})

const running = (node: Partial<GraphNode>): Graph => ({
  name: "running",
  nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"], ...node }],
  inputs: [{ name: "x", ...four }],
  outputs: [{ name: "y", ...four }]
})

const weights = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)

/** A model of one graph and such other files; every listed file has its right sum. */
const model = (graph: Uint8Array, files: Readonly<Record<string, Uint8Array>> = {}, graphPath = "graphs/step.onnx") => {
  const root = fresh()
  const listed = Object.entries({ [graphPath]: graph, ...files }).map(([path, content]) => {
    mkdirSync(dirname(join(root, "m", path)), { recursive: true })
    writeFileSync(join(root, "m", path), content)
    return { path, bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") }
  })
  const manifest = {
    manifest_version: 1, name: "m", version: "1", description: "", family: "noop", license: "none", kinds: ["text"], files: listed,
    variants: [{ execution_provider: "cpu", precision: "fp32", graphs: { step: graphPath }, memory_bytes: 1 }],
    uses_parameters: [], load_time_ms: 1, timeout_s: 1, settings: {}
  }
  writeFileSync(join(root, "m/model.json"), JSON.stringify(manifest))
  return root
}

const open = (root: string) => ModelStore.use((store) => store.get("m")).pipe(Effect.provide(ModelStore.layer({ modelsDir: root, cacheDir: fresh() })))
const refusal = (root: string) => Effect.map(Effect.flip(open(root)), (error) => error.message)

describe("what a graph may read", () => {
  it.effect("files beside it that the manifest lists; ONNX Runtime reads the same ones", () =>
    Effect.scoped(Effect.gen(function*() {
      const { folder } = yield* open(model(writeGraph(adding("w.bin")), { "graphs/w.bin": weights }))
      const session = yield* openSession(join(folder, "graphs/step.onnx"), { provider: "cpu", threads: 1 })
      assert.deepStrictEqual(session.inputNames, ["x"])
    })))

  it.effect.each([
    ["/etc/passwd", "not a path inside"],
    ["../w.bin", "may leave the model's folder"],
    ["a/../../w.bin", "may leave the model's folder"],
    ["..\\w.bin", "not a path inside"],
    ["C:/w.bin", "not a path inside"],
    ["*/_ORT_MEM_ADDR_/*", "not among the files"],
    ["unlisted.bin", "not among the files"],
    ["", "not among the files"]
  ] as const)("not %j", ([location, why]) =>
    Effect.gen(function*() {
      const root = model(writeGraph(adding(location)), { "w.bin": weights })
      writeFileSync(join(root, "m/graphs/unlisted.bin"), weights)
      const message = yield* refusal(root)
      assert.include(message, "graphs/step.onnx")
      assert.include(message, why)
    }))

  it.effect("not a file that a link puts into the folder", () =>
    Effect.gen(function*() {
      const root = model(writeGraph(adding("w.bin")), { "graphs/w.bin": weights })
      renameSync(join(root, "m/graphs/w.bin"), join(root, "outside.bin"))
      symlinkSync(join(root, "outside.bin"), join(root, "m/graphs/w.bin"))
      assert.include(yield* refusal(root), "outside the model's folder")
    }))

  it.effect("nor by constants, in branches, or in functions", () =>
    Effect.gen(function*() {
      const hidden: GraphNode = { op: "Constant", inputs: [], outputs: ["c"], value: { name: "c", shape: [4], location: "/dev/zero" } }
      const branch: Graph = { ...running({}), nodes: [hidden], inputs: [], outputs: [{ name: "c", ...four }] }
      const inBranch = running({ op: "If", inputs: ["x"], graphs: { then_branch: branch, else_branch: branch } })
      const inLoop = running({ op: "If", inputs: ["x"], graphs: { then_branch: inBranch, else_branch: inBranch } })
      const used = { domain: "mine", name: "F", inputs: ["a"], outputs: ["c"], nodes: [hidden] }
      for (const graph of [{ ...running({}), nodes: [hidden] }, inBranch, inLoop]) {
        assert.include(yield* refusal(model(writeGraph(graph))), "/dev/zero")
      }
      assert.include(yield* refusal(model(writeGraph(running({ op: "F", domain: "mine" }), [used], ["mine"]))), "/dev/zero")
    }))
})

describe("what a graph may run", () => {
  it.effect.each(["", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"])("operators of the domain %j", (domain) =>
    Effect.asVoid(open(model(writeGraph(running({ domain }))))))

  it.effect.each([
    ["Exec", "evil", "evil::Exec"],
    ["Add", "com.microsoftish", "com.microsoftish::Add"],
    ["ATen", "org.pytorch.aten", "org.pytorch.aten::ATen"],
    ["EPContext", "com.microsoft", "loads compiled code"]
  ] as const)("not %s of %j", ([op, domain, why]) =>
    Effect.gen(function*() {
      assert.include(yield* refusal(model(writeGraph(running({ op, domain }), [], [domain]))), why)
    }))

  it.effect("an operator that the file itself makes of allowed ones, and only that one", () =>
    Effect.gen(function*() {
      const twice = { domain: "mine", name: "Twice", inputs: ["a"], outputs: ["b"], nodes: [{ op: "Add", inputs: ["a", "a"], outputs: ["b"] }] }
      yield* open(model(writeGraph(running({ op: "Twice", inputs: ["x"], domain: "mine" }), [twice], ["mine"])))
      assert.include(yield* refusal(model(writeGraph(running({ op: "Thrice", domain: "mine" }), [twice], ["mine"]))), "mine::Thrice")
      const evil = { ...twice, nodes: [{ ...twice.nodes[0]!, domain: "evil" }] }
      assert.include(yield* refusal(model(writeGraph(running({ op: "Twice", domain: "mine" }), [evil], ["mine"]))), "evil::Add")
    }))

  it.effect("no libraries among a model's files", () =>
    Effect.gen(function*() {
      for (const name of ["ops.so", "libops.so.1.2", "ops.DLL", "ops.dylib"]) {
        assert.include(yield* refusal(model(writeGraph(running({})), { [name]: weights })), "is a library")
      }
    }))
})

describe("readOnnxFile", () => {
  const problem = (bytes: Uint8Array): string => {
    const path = join(fresh(), "x.onnx")
    writeFileSync(path, bytes)
    try {
      readOnnxFile(path)
    } catch (error) {
      return (error as Error).message
    }
    return "read"
  }
  const whole = writeGraph(running({}))

  it("refuses what is no graph", () => {
    assert.include(problem(new Uint8Array(0)), "no graph")
    assert.include(problem(new TextEncoder().encode("not a graph at all")), "byte")
    assert.include(problem(Uint8Array.of(0x3a, ...Array<number>(12).fill(0xff))), "has no end")
    assert.include(problem(Uint8Array.of(0x3b)), "wire type 3")
    for (let length = 1; length < whole.length - 20; length++) assert.notStrictEqual(problem(whole.subarray(0, length)), "read")
    assert.strictEqual(problem(whole), "read")
  })

  it("refuses graphs nested without end", () => {
    let graph = running({})
    for (let depth = 0; depth < 40; depth++) graph = running({ op: "If", graphs: { then_branch: graph } })
    assert.include(problem(writeGraph(graph)), "nested")
  })

  it("does not read the tensors of a large file", () => {
    const path = join(fresh(), "large.onnx")
    // A field 9 of 1 TiB, a hole on the disk, inside an initializer inside the graph: reading it would take an hour.
    const size = 1024 ** 4
    const varint = (value: number): Array<number> => (value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))])
    const raw = [...varint(9 * 8 + 2), ...varint(size)]
    const initializer = [...varint(5 * 8 + 2), ...varint(raw.length + size), ...raw]
    const graph = [...varint(7 * 8 + 2), ...varint(initializer.length + size), ...initializer]
    writeFileSync(path, Uint8Array.from(graph))
    truncateSync(path, graph.length + size)
    assert.deepStrictEqual([...readOnnxFile(path).operators], [])
  })
})
