import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openSession } from "./session.ts"
import { floatInput, floatsOf } from "./tensors.ts"
import { writeGraph } from "./writeGraph.ts"

const doubled = Effect.fnUntraced(function*(element: "float" | "float16", values: ReadonlyArray<number>) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "darkroom-graph-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const path = join(folder, "double.onnx")
  const vector = (name: string) => ({ name, element, shape: ["size"] }) as const
  writeFileSync(path, writeGraph({
    name: "double",
    nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [vector("x")],
    outputs: [vector("y")]
  }))
  const session = yield* openSession(path, { provider: "cpu", threads: 1 })
  const once = yield* session.run({ x: floatInput(session, "x", Float32Array.from(values), [values.length]) })
  // What one graph gives another takes as it is.
  const twice = yield* session.run({ x: once["y"]! })
  return [...floatsOf(twice["y"]!)]
})

describe("numbers of a graph", () => {
  for (const element of ["float", "float16"] as const) {
    it.effect(`are float32 on this side of a ${element} graph`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* doubled(element, [1, -0.5, 1000, 0]), [4, -2, 4000, 0])
        assert.deepStrictEqual(yield* doubled(element, []), [])
      }))
  }
})
