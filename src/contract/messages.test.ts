import { assert, describe, expect, it } from "@effect/vitest"
import { Schema } from "effect"
import { jobEvent, jobRecord } from "../testing/records.ts"
import { DrainReply, DrainRequest, Heartbeat, Progress } from "./AgentMessages.ts"
import { ApiKeyRecord } from "./ApiKey.ts"
import { durationMs, GpuPool, PoolStatusMessage } from "./GpuPool.ts"
import { eventNameOf, JobEventJson } from "./JobEvent.ts"
import { ModelManifest } from "./ModelManifest.ts"
import { eventNames } from "./subjects.ts"

/** One snapshot a message: a change of the wire format must be seen and meant. */
const at = "2026-01-02T03:04:05.678Z"
const sha256 = "0".repeat(64)
const image = { name: "j/in/0", sha256, bytes: 3, media_type: "image/png", width: 4, height: 5 } as const

const roundTrip = <S extends Schema.Codec<any, any>>(schema: S, value: S["Type"]) => {
  const encoded = Schema.encodeUnknownSync(schema)(value)
  assert.deepStrictEqual(Schema.decodeUnknownSync(schema)(encoded), value)
  return encoded
}

const records = {
  queued: jobRecord({ inputs: [image], traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }),
  started: jobRecord({ state: "processing", agent: "a", attempt: 1, attempts_counted: 1, queued_sequence: 7, started_at: at }),
  released: jobRecord({ attempt: 1, queued_sequence: 7 }),
  completed: jobRecord({
    state: "completed", agent: "a", attempt: 1, attempts_counted: 1, queued_sequence: 7, started_at: at, ended_at: at,
    actual_time_s: 3.48, output: { images: [{ ...image, name: "j/1/0" }] }, warnings: ["w"]
  }),
  failed: jobRecord({ state: "failed", ended_at: at, error: { class: "model_error", message: "m" } }),
  cancelled: jobRecord({ state: "cancelled", ended_at: at }),
  deleted: jobRecord({ state: "deleted", prompt: "", ended_at: at })
}

describe("messages on the wire", () => {
  for (const name of eventNames) {
    it(`event ${name}`, () => {
      const event = jobEvent(name, records[name])
      expect(JSON.parse(roundTrip(JobEventJson, event))).toMatchSnapshot()
      assert.strictEqual(eventNameOf(event.type), name)
    })
  }

  it("an event keeps the fields it does not know", () => {
    const event = { ...jobEvent("queued", jobRecord({ later: [1] })), extension: "x" }
    const read = Schema.decodeUnknownSync(JobEventJson)(JSON.stringify(event))
    assert.deepStrictEqual(JSON.parse(Schema.encodeUnknownSync(JobEventJson)(read)), event)
  })

  it("an event of a later type still decodes, and has no name", () => {
    const event = { ...jobEvent("queued", jobRecord()), type: "dev.darkroom.job.reviewed.v1" }
    assert.isUndefined(eventNameOf(Schema.decodeUnknownSync(JobEventJson)(JSON.stringify(event)).type))
  })

  it("heartbeat", () => {
    expect(roundTrip(Heartbeat, {
      agent: "local-0-1", pool: "local", version: "0.1.0", at, interval_ms: 2000, state: "BUSY", draining: false, slots: 1,
      claims: [{ job_id: "j", attempt: 1, started_sequence: 8 }], models_loaded: ["starter"], execution_provider: "cpu"
    })).toMatchSnapshot()
  })

  it("progress", () => {
    expect(roundTrip(Progress, { job_id: "j", attempt: 1, phase: "running", step: 2, steps: 8, at })).toMatchSnapshot()
  })

  it("progress and heartbeat while a model is loaded", () => {
    const loading = { model: "starter", part: "unet", graphs_loaded: 1, graphs: 4, bytes_loaded: 10, bytes: 100 }
    expect([
      roundTrip(Progress, { job_id: "j", attempt: 1, phase: "loading", step: 0, steps: 0, loading, at }),
      roundTrip(Heartbeat, {
        agent: "local-0-1", pool: "local", version: "0.1.0", at, interval_ms: 2000, state: "BUSY", draining: false, slots: 1,
        claims: [], models_loaded: [], models_loading: [loading], execution_provider: "cpu"
      })
    ]).toMatchSnapshot()
  })

  it("progress of a text job", () => {
    expect(roundTrip(Progress, { job_id: "j", attempt: 1, phase: "running", step: 2, steps: 8, at, text: "Once" })).toMatchSnapshot()
  })

  it("drain request and reply", () => {
    expect([
      roundTrip(DrainRequest, { requested_by: "operator" }),
      roundTrip(DrainRequest, { requested_by: "operator", resume: true }),
      roundTrip(DrainReply, { agent: "a", drained: false, claims: 1 })
    ]).toMatchSnapshot()
  })

  it("API key record", () => {
    expect(roundTrip(ApiKeyRecord, { id: "k", name: "n", sha256, scopes: ["submit", "read"], created_at: at, expires_at: null }))
      .toMatchSnapshot()
  })

  it("model manifest", () => {
    expect(roundTrip(ModelManifest, {
      manifest_version: 1, name: "starter", version: "1", description: "d", family: "starter", license: "Apache-2.0",
      kinds: ["edit"], files: [{ path: "model.onnx", sha256, bytes: 1 }],
      variants: [{ execution_provider: "cpu", precision: "fp32", graphs: { edit: "model.onnx" }, memory_bytes: 1 }],
      uses_parameters: ["seed"], load_time_ms: 100, timeout_s: 60, settings: { edits: ["bright"] }
    })).toMatchSnapshot()
  })

  it("a manifest cannot point outside its folder", () => {
    for (const path of ["/etc/passwd", "../x", "a/../../x"]) {
      assert.throws(() => Schema.decodeUnknownSync(ModelManifest)({ files: [{ path, sha256, bytes: 1 }] }))
    }
  })

  it("GpuPool with every default, and its status message", () => {
    const pool = Schema.decodeUnknownSync(GpuPool)({
      apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", metadata: { name: "local" }, spec: { models: ["starter"] }
    })
    expect([
      roundTrip(GpuPool, pool),
      roundTrip(PoolStatusMessage, {
        pool: "local", at, status: {
          state: "ACTIVE", replicas: 1, desiredReplicas: 1, readyReplicas: 1, busyReplicas: 0,
          queue: { depth: 0, readable: true }, lanesReadyFor: ["starter"], conditions: []
        }
      })
    ]).toMatchSnapshot()
  })

  it("GpuPool takes zero everywhere and refuses a floor above the ceiling", () => {
    const decode = (spec: object) =>
      Schema.decodeUnknownSync(GpuPool)({
        apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", metadata: { name: "p" }, spec: { models: ["m"], ...spec }
      }).spec
    assert.deepInclude(decode({ replicas: 0, maxReplicas: 0 }), { replicas: 0, maxReplicas: 0 })
    assert.throws(() => decode({ replicas: 2, maxReplicas: 1 }), /replicas \(2\) must not exceed maxReplicas \(1\)/)
    assert.throws(() => decode({ scaling: { cooldown: "5 minutes" } }), /a duration such as/)
  })

  it("durations", () => {
    assert.deepStrictEqual(["90s", "1h30m", "500ms", "0s"].map(durationMs), [90_000, 5_400_000, 500, 0])
  })
})
