import { assert, describe, it } from "@effect/vitest"
import type { Sighting } from "../fleet/observe.ts"
import type { PodView } from "../fleet/podView.ts"
import { freshlyReady } from "./coldStart.ts"

const pod = (name: string, more: Partial<PodView> = {}): PodView => ({
  name,
  uid: name,
  resourceVersion: "1",
  slot: 0,
  revision: "r",
  createdAt: 1_000,
  scheduledAt: 2_000,
  held: undefined,
  runningSince: 3_000,
  readySince: undefined,
  stoppedAt: undefined,
  restarts: 0,
  waiting: undefined,
  terminating: false,
  overdueAt: undefined,
  ended: undefined,
  busyLabelled: false,
  ...more
})

const sighting = (id: string, readyAt: number | undefined): Sighting => ({
  id,
  phase: readyAt === undefined ? "starting" : "idle",
  busy: false,
  since: 0,
  readyAt,
  heardAt: readyAt,
  loading: false,
  startedAt: 0,
  revision: "r"
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
