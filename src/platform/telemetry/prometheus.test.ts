import { assert, describe, it } from "@effect/vitest"
import { makeRegistry } from "./prometheus.ts"

describe("prometheus", () => {
  it("writes counters and gauges with their labels", () => {
    const registry = makeRegistry()
    const jobs = registry.counter("jobs_total", "Jobs.")
    const depth = registry.gauge("depth", "Depth.")
    jobs.add({ pool: "a" })
    jobs.add({ pool: "a" }, 2)
    depth.set({}, 7)
    depth.set({ pool: "x\"y\\z\n" }, 1)
    assert.strictEqual(registry.render(), [
      "# HELP jobs_total Jobs.",
      "# TYPE jobs_total counter",
      "jobs_total{pool=\"a\"} 3",
      "# HELP depth Depth.",
      "# TYPE depth gauge",
      "depth 7",
      "depth{pool=\"x\\\"y\\\\z\\n\"} 1",
      ""
    ].join("\n"))
  })

  it("forgets the values of what is gone, and only those", () => {
    const registry = makeRegistry()
    const pods = registry.gauge("pods", "Pods.")
    pods.set({ pool: "a", state: "ready" }, 1)
    pods.set({ state: "busy", pool: "a" }, 1)
    pods.set({ pool: "b", state: "ready" }, 2)
    pods.forget({ pool: "a" })
    assert.deepStrictEqual(registry.render().split("\n").filter((line) => line.startsWith("pods")), ["pods{pool=\"b\",state=\"ready\"} 2"])
    const created = registry.counter("created_total", "Created.")
    const seconds = registry.histogram("s", "Seconds.", [1])
    for (const pool of ["a", "b"]) {
      created.add({ pool })
      seconds.observe({ pool }, 1)
    }
    created.forget({ pool: "a" })
    seconds.forget({ pool: "a" })
    assert.notInclude(registry.render(), "pool=\"a\"")
    assert.include(registry.render(), "created_total{pool=\"b\"} 1")
  })

  it("histograms are cumulative", () => {
    const registry = makeRegistry()
    const seconds = registry.histogram("s", "Seconds.", [0.1, 1])
    for (const value of [0.05, 0.1, 0.5, 9]) seconds.observe({ a: "b" }, value)
    assert.deepStrictEqual(registry.render().split("\n").slice(2), [
      "s_bucket{a=\"b\",le=\"0.1\"} 2",
      "s_bucket{a=\"b\",le=\"1\"} 3",
      "s_bucket{a=\"b\",le=\"+Inf\"} 4",
      "s_sum{a=\"b\"} 9.65",
      "s_count{a=\"b\"} 4",
      ""
    ])
  })
})
