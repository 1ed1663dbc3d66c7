import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { deserialize, serialize } from "node:v8"
import { EngineReport, EngineRequest } from "./protocol.ts"

const sha256 = "a".repeat(64)
const bytes = Uint8Array.of(1, 2, 3)

const requests: Record<EngineRequest["_tag"], EngineRequest> = {
  Init: { _tag: "Init", device: "auto", threads: 2, test_models: true, force_cpu: false, memory_max_bytes: 1_000_000 },
  Load: {
    _tag: "Load",
    folder: "/models/noop",
    manifest: {
      manifest_version: 1,
      name: "noop",
      version: "1.0.0",
      description: "d",
      family: "noop",
      license: "Apache-2.0",
      kinds: ["edit"],
      files: [{ path: "noop.onnx", sha256, bytes: 3 }],
      variants: [{ execution_provider: "cpu", precision: "fp32", graphs: { step: "noop.onnx" }, memory_bytes: 1 }],
      uses_parameters: ["seed"],
      load_time_ms: 1,
      timeout_s: 1,
      settings: { any: ["thing"] }
    }
  },
  Unload: { _tag: "Unload", model: "noop" },
  Run: { _tag: "Run", job_id: "j", model: "noop", kind: "edit", prompt: "p", parameters: { seed: 1 }, inputs: [bytes] },
  Cancel: { _tag: "Cancel", job_id: "j" }
}

const reports: Record<EngineReport["_tag"], EngineReport> = {
  Ready: { _tag: "Ready", execution_provider: "cpu", warnings: ["w"] },
  SetupFailed: { _tag: "SetupFailed", message: "m" },
  Loading: { _tag: "Loading", model: "noop", part: "step", graphs_loaded: 0, graphs: 1, bytes_loaded: 0, bytes: 3 },
  Loaded: { _tag: "Loaded", model: "noop", load_ms: 1.5 },
  LoadFailed: { _tag: "LoadFailed", model: "noop", class: "model_error", message: "m" },
  Unloaded: { _tag: "Unloaded", model: "noop" },
  Step: { _tag: "Step", job_id: "j", step: 1, steps: 2 },
  Result: {
    _tag: "Result",
    job_id: "j",
    images: [{ bytes, sha256, media_type: "image/png", width: 1, height: 1 }],
    text: "t",
    finish_reason: "stop",
    parameters: { seed: 1 },
    warnings: [],
    timings: { decode_ms: 3, model_ms: 1, encode_ms: 2 }
  },
  Failed: { _tag: "Failed", job_id: "j", class: "model_error", message: "m" },
  Cancelled: { _tag: "Cancelled", job_id: "j" }
}

describe("the engine protocol", () => {
  for (const [schema, messages] of [[EngineRequest, requests], [EngineReport, reports]] as const) {
    for (const [tag, message] of Object.entries(messages)) {
      it(`${tag} survives the channel and looks as before`, ({ expect }) => {
        const sent = Schema.encodeUnknownSync(schema as typeof EngineReport)(message)
        // The channel's serialization "advanced" is v8's.
        const received = Schema.decodeUnknownSync(schema as typeof EngineReport)(deserialize(serialize(sent)))
        assert.deepStrictEqual(received as unknown, message)
        expect(sent).toMatchSnapshot()
      })
    }
  }

  it("refuses what it does not know", () => {
    assert.throws(() => Schema.decodeUnknownSync(EngineRequest)({ _tag: "Step", job_id: "j" }))
    assert.throws(() => Schema.decodeUnknownSync(EngineReport)({ _tag: "Step", job_id: "j", step: 0.5, steps: 2 }))
  })
})
