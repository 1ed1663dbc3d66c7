import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { GpuPool, GpuPoolStatus } from "../../contract/GpuPool.ts"
import type { Sighting } from "../fleet/observe.ts"
import type { ReplicaPhase } from "../scaling/decide.ts"
import { differs, type PoolFacts, statusOf } from "./status.ts"

const pool = Schema.decodeUnknownSync(GpuPool)({
  apiVersion: "darkroom.dev/v1alpha1",
  kind: "GpuPool",
  metadata: { name: "p", generation: 7 },
  spec: { models: ["m"], maxReplicas: 4, lifecycle: { maxPodFailures: 3 } }
})

const replica = (phase: ReplicaPhase, more: Partial<Sighting> = {}): Sighting => ({
  id: phase,
  phase,
  busy: phase === "busy",
  since: 0,
  readyAt: phase === "starting" ? undefined : 1,
  heardAt: 1,
  loading: false,
  models: { models_loaded: [] },
  startedAt: 0,
  revision: "",
  ...more
})

const facts = (more: Partial<PoolFacts> = {}): PoolFacts => ({
  pool,
  depth: { _tag: "Readable", depth: 0 },
  replicas: [],
  decision: { desired: 0, reason: "Steady" },
  lanesReadyFor: ["m"],
  failures: 0,
  lastFailure: undefined,
  lastColdStartMs: undefined,
  ...more
})

const at = "2026-11-21T12:00:00.000Z"
const later = "2026-11-21T12:00:02.000Z"
const condition = (status: GpuPoolStatus, type: string) => status.conditions.find((one) => one.type === type)

describe("statusOf", () => {
  it.each<[string, Partial<PoolFacts>, GpuPoolStatus["state"]]>([
    ["nothing runs and nothing is wanted", {}, "SCALED_TO_ZERO"],
    ["nothing runs yet", { decision: { desired: 1, reason: "Demand" } }, "WAKING_UP"],
    ["a process starts", { replicas: [replica("starting")] }, "WAKING_UP"],
    ["an agent loads its model", { replicas: [replica("starting", { loading: true })] }, "LOADING_MODEL"],
    ["one is ready while another loads", { replicas: [replica("idle"), replica("starting", { loading: true })] }, "ACTIVE"],
    ["the only one is busy", { replicas: [replica("busy")] }, "ACTIVE"],
    ["the only one drains", { replicas: [replica("draining")] }, "ACTIVE"],
    ["the only one drains and was never ready", { replicas: [replica("draining", { readyAt: undefined })] }, "WAKING_UP"],
    ["the only one is on its way out", { replicas: [replica("stopping")] }, "SCALED_TO_ZERO"],
    ["too many crashes", { failures: 3, decision: { desired: 1, reason: "Demand" } }, "UNHEALTHY"],
    ["too many crashes, but one serves", { failures: 3, replicas: [replica("idle")] }, "ACTIVE"]
  ])("%s", (_name, more, state) => assert.strictEqual(statusOf(facts(more), undefined, at).state, state))

  it("counts, and is a valid status", () => {
    const replicas = [replica("busy"), replica("idle"), replica("starting"), replica("draining", { busy: true }), replica("stopping")]
    const status = statusOf(facts({ replicas, decision: { desired: 3, reason: "Demand" }, lastColdStartMs: 900 }), undefined, at)
    assert.deepStrictEqual([status.replicas, status.readyReplicas, status.busyReplicas, status.desiredReplicas], [4, 3, 2, 3])
    assert.deepStrictEqual([status.observedGeneration, status.lastColdStartMs], [7, 900])
    assert.deepStrictEqual(Schema.decodeUnknownSync(GpuPoolStatus)(status), status)
  })

  it("an unreadable queue keeps the last known depth and says so", () => {
    const before = statusOf(facts({ depth: { _tag: "Readable", depth: 5 } }), undefined, at)
    const status = statusOf(facts({ depth: { _tag: "Unreadable", reason: "no leader" } }), before, later)
    assert.deepStrictEqual(status.queue, { depth: 5, readable: false })
    assert.include(condition(status, "QueueReachable")?.message, "no leader")
  })

  it("the time of a condition changes with its status only", () => {
    const before = statusOf(facts(), undefined, at)
    const status = statusOf(facts({ failures: 1, lastFailure: "exit code 1" }), before, later)
    assert.strictEqual(condition(status, "Ready")?.lastTransitionTime, at)
    assert.strictEqual(condition(status, "Degraded")?.lastTransitionTime, later)
    assert.include(condition(status, "Degraded")?.message, "exit code 1")
    assert.isTrue(differs(before, status))
    assert.isFalse(differs(before, statusOf(facts(), before, later)))
  })
})
