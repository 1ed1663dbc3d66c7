import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fileURLToPath } from "node:url"
import { openPlaced, placementOf } from "./openPlaced.ts"
import { describeNodes, isAboutPlacement, readPlacement, refusedNodes } from "./placement.ts"

const probeGraph = fileURLToPath(new URL("./probe.onnx", import.meta.url))

/** A log of ONNX Runtime 1.30 with its times left out. */
const log = `
[I:onnxruntime:Default, fallback_cpu_capability.cc:130 operator()] ORT optimization- Force fallback to CPU execution for node: node_Concat_43 because the CPU execution path is deemed faster than overhead involved with execution on other EPs  capable of executing this node
[I:onnxruntime:, graph_transformer.cc:15 Apply] GraphTransformer MemcpyTransformer modified: 1 with status: OK
[V:onnxruntime:, session_state.cc:1377 VerifyEachNodeIsAssignedToAnEp] Node placements
[V:onnxruntime:, session_state.cc:1384 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 2
[V:onnxruntime:, session_state.cc:1386 VerifyEachNodeIsAssignedToAnEp]   MatMul (node_MatMul_1)
[V:onnxruntime:, session_state.cc:1386 VerifyEachNodeIsAssignedToAnEp]   MemcpyFromHost (Memcpy)
[V:onnxruntime:, session_state.cc:1384 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [CPUExecutionProvider]. Number of nodes: 3
[V:onnxruntime:, session_state.cc:1386 VerifyEachNodeIsAssignedToAnEp]   Concat (node_Concat_43)
[V:onnxruntime:, session_state.cc:1386 VerifyEachNodeIsAssignedToAnEp]   NonZero (node_NonZero_7)
[V:onnxruntime:, session_state.cc:1386 VerifyEachNodeIsAssignedToAnEp]   Det ()
`.split("\n")

describe("placement", () => {
  it("tells nodes without a kernel from those that are on the CPU on purpose", () => {
    const placement = readPlacement(log)
    assert.deepStrictEqual(placement.preferred, [{ operator: "Concat", name: "node_Concat_43" }])
    assert.deepStrictEqual(placement.missing, [{ operator: "NonZero", name: "node_NonZero_7" }, { operator: "Det", name: "" }])
    assert.deepStrictEqual(readPlacement(log.filter(isAboutPlacement)), placement)
    assert.isBelow(log.filter(isAboutPlacement).length, log.filter((line) => line !== "").length)
  })
  it("a variant allows operators by name", () => {
    const placement = readPlacement(log)
    assert.strictEqual(describeNodes(refusedNodes(placement, [])), "NonZero (node_NonZero_7), Det ()")
    assert.strictEqual(describeNodes(refusedNodes(placement, ["Det"])), "NonZero (node_NonZero_7)")
    assert.deepStrictEqual(refusedNodes(placement, ["Det", "NonZero"]), [])
  })
  it("a long list is cut", () => {
    const nodes = Array.from({ length: 25 }, (_, index) => ({ operator: "Det", name: `${index}` }))
    assert.include(describeNodes(nodes), "Det (19) and 5 more")
  })
  it.effect("ONNX Runtime's own log is understood: on a CPU every node is there", () =>
    Effect.gen(function*() {
      const { missing } = yield* placementOf(probeGraph, "cpu")
      assert.deepStrictEqual(missing, [{ operator: "every node", name: "1 of 1" }])
    }), 30_000)
  it.effect("the CPU provider is asked nothing", () =>
    Effect.scoped(Effect.gen(function*() {
      const session = yield* openPlaced(probeGraph, { provider: "cpu", threads: 1 }, [])
      assert.deepStrictEqual(session.inputNames, ["x"])
    })))
})
