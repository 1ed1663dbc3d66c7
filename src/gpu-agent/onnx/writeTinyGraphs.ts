import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { writeGraph } from "./writeGraph.ts"

const vector = (name: string) => ({ name, element: "float", shape: [4] } as const)
const picture = (name: string) => ({ name, element: "uint8", shape: ["height", "width", 3] } as const)

/** Path from the root of the repository → content. */
export const tinyGraphs: Readonly<Record<string, Uint8Array>> = {
  // Doubles four numbers: the smallest work that proves an execution provider.
  "src/gpu-agent/onnx/probe.onnx": writeGraph({
    name: "probe",
    nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [vector("x")],
    outputs: [vector("y")]
  }),
  // The test model: every value of the picture changed by a key, so that the same key gives the picture back.
  "test/fixtures/models/noop/noop.onnx": writeGraph({
    name: "noop",
    nodes: [{ op: "BitwiseXor", inputs: ["image", "key"], outputs: ["edited"] }],
    inputs: [picture("image"), { name: "key", element: "uint8", shape: [] }],
    outputs: [picture("edited")]
  })
}

export const pathOf = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url))

if (import.meta.main) {
  for (const [name, content] of Object.entries(tinyGraphs)) writeFileSync(pathOf(name), content)
}
