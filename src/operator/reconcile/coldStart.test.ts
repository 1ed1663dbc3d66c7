import { assert, describe, it } from "@effect/vitest"
import type { PodView } from "../fleet/podView.ts"
import { podFacts, sightingFacts } from "../../testing/podFacts.ts"
import { coldStartOf, freshlyReady } from "./coldStart.ts"

const pod = (name: string, more: Partial<PodView> = {}) => podFacts(name, 1_000, { scheduledAt: 2_000, runningSince: 3_000, ...more })
const sighting = (id: string, readyAt: number | undefined) =>
  sightingFacts(id, 0, { phase: readyAt === undefined ? "starting" : "idle", readyAt, heardAt: readyAt })

describe("coldStartOf", () => {
  it("is each step from the creation, never negative", () => {
    assert.deepStrictEqual(coldStartOf(pod("p"), 9_500), { scheduledMs: 1_000, startedMs: 2_000, readyMs: 8_500, imageMs: 1_000 })
    assert.deepStrictEqual(coldStartOf(pod("p", { scheduledAt: undefined, runningSince: undefined }), 900), { readyMs: 0 })
    assert.strictEqual(coldStartOf(pod("p"), 9_500.4).readyMs, 8_500, "the field is a whole number")
  })

  it("tells the image from the sandbox, and the model from the process around it, where somebody says so", () => {
    const { imageMs, modelMs } = coldStartOf(pod("p", { sandboxAt: 4_000, runningSince: 61_000 }), 70_000, 7_345)
    assert.deepStrictEqual([imageMs, modelMs], [57_000, 7_345])
  })
})

describe("freshlyReady", () => {
  it("is every pod that became ready since the look before, the earliest first", () => {
    const pods = ["slow", "quick", "old", "starting", "restarted", "unseen", "before"].map((name) =>
      pod(name, name === "restarted" ? { restarts: 1 } : name === "before" ? { createdAt: 400 } : {}))
    const found = freshlyReady({
      since: 500,
      before: [sighting("slow", undefined), sighting("quick", undefined), sighting("old", 100), sighting("restarted", undefined)],
      pods,
      sightings: [
        sighting("slow", 9_000),
        sighting("quick", 8_000),
        sighting("old", 100),
        sighting("starting", undefined),
        sighting("restarted", 9_000),
        sighting("unseen", 8_500),
        sighting("before", 8_500)
      ]
    })
    assert.deepStrictEqual(found.map((one) => [one.pod.name, one.readyAt]), [["quick", 8_000], ["unseen", 8_500], ["slow", 9_000]])
  })
})
