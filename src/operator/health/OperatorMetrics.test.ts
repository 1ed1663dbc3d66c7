import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { GpuPoolStatus } from "../../contract/GpuPool.ts"
import { OperatorMetrics } from "./OperatorMetrics.ts"

const status: GpuPoolStatus = {
  state: "ACTIVE",
  replicas: 1,
  desiredReplicas: 1,
  readyReplicas: 1,
  busyReplicas: 1,
  queue: { depth: 3, readable: true },
  lanesReadyFor: ["m"],
  conditions: [{ type: "Ready", status: "True", reason: "ACTIVE", message: "", lastTransitionTime: "2026-11-21T12:00:00.000Z" }]
}

const test = (name: string, body: (metrics: OperatorMetrics["Service"]) => void) =>
  it.effect(name, () => OperatorMetrics.use((metrics) => Effect.sync(() => body(metrics))).pipe(Effect.provide(OperatorMetrics.layer)))

/** Samples that name this text. */
const samples = (metrics: OperatorMetrics["Service"], text: string) =>
  metrics.render().split("\n").filter((line) => !line.startsWith("#") && line.includes(text))

describe("OperatorMetrics", () => {
  test("who no longer leads says nothing of pools, and takes no wake-up of its last term into the next", (metrics) => {
    metrics.leading(true)
    metrics.queue(5)
    metrics.status("p", status)
    metrics.woken("p", 0)
    assert.lengthOf(samples(metrics, "pool=\"p\""), 9)
    metrics.leading(false)
    assert.deepStrictEqual(samples(metrics, "pool=\"p\""), [])
    assert.deepStrictEqual(samples(metrics, "workqueue"), [])
    metrics.leading(true)
    metrics.created("p", 1_000)
    assert.deepStrictEqual(samples(metrics, "wake_to_pod"), [])
  })

  test("a pool that is gone leaves nothing behind", (metrics) => {
    for (const pool of ["p", "q"]) {
      metrics.status(pool, status)
      metrics.created(pool, 0)
      metrics.removed(pool, "idle")
      metrics.coldStart(pool, { readyMs: 1_000 })
    }
    metrics.forget("p")
    assert.deepStrictEqual(samples(metrics, "pool=\"p\""), [])
    assert.isNotEmpty(samples(metrics, "pool=\"q\""))
  })

  test("a cold start counts by its steps, as far as they are known", (metrics) => {
    metrics.coldStart("p", { scheduledMs: 1_000, startedMs: 61_000, readyMs: 70_000, imageMs: 57_000, modelMs: 7_345 })
    metrics.coldStart("p", { readyMs: 30_000 })
    const sum = (step: string) => samples(metrics, `cold_start_seconds_sum{pool="p",step="${step}"}`).map((line) => Number(line.split(" ")[1]))
    assert.deepStrictEqual(["scheduled", "started", "ready", "image", "model"].flatMap(sum), [1, 61, 100, 57, 7.345])
  })

  test("the time from a wake-up to its pod counts also when another look was under way", (metrics) => {
    metrics.woken("p", 100)
    metrics.reconciled({ key: "p", outcome: "succeeded", startedAt: 90, seconds: 0.05 })
    metrics.created("p", 600)
    assert.include(samples(metrics, "wake_to_pod"), "darkroom_operator_wake_to_pod_seconds_sum 0.5")
    // A look that began with the job known made no pod of it: somebody was there.
    metrics.woken("p", 1_000)
    metrics.reconciled({ key: "p", outcome: "succeeded", startedAt: 1_000, seconds: 0.05 })
    metrics.created("p", 9_000)
    assert.include(samples(metrics, "wake_to_pod"), "darkroom_operator_wake_to_pod_seconds_count 1")
  })
})
