import { assert, describe, it } from "@effect/vitest"
import { instanceType, queueFigures } from "./figures.ts"

const counts = { queued: 1, processing: 2, completed: 3, failed: 4, cancelled: 5 }

describe("queueFigures", () => {
  it("throughput is 60 / average × active replicas", () => {
    const figures = queueFigures(counts, [3, 4], 2)
    assert.deepInclude(figures, { avg_time_s: 3.5, throughput_per_min: 34.29, total_jobs: 15, queued: 1, cancelled: 5 })
  })
  it("is 0 before anything has completed", () => {
    assert.deepInclude(queueFigures(counts, [], 2), { avg_time_s: 0, throughput_per_min: 0 })
  })
})

describe("instanceType", () => {
  it("reads as hosted platforms write it", () => {
    assert.strictEqual(instanceType({ count: 1, product: "H100" }), "H100 - 1 H100 GPU, 80 GiB VRAM")
    assert.strictEqual(instanceType({ count: 2, product: "A100" }), "A100x2 - 2 A100 GPUs, 160 GiB VRAM")
    assert.strictEqual(instanceType({ count: 1, product: "Unheard-of" }), "Unheard-of - 1 Unheard-of GPU")
    assert.strictEqual(instanceType({ count: 0, product: "CPU" }), "CPU - no GPU")
  })
})
