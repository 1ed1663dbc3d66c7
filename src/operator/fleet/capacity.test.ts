import { assert, describe, it } from "@effect/vitest"
import { podFacts, sightingFacts } from "../../testing/podFacts.ts"
import { capacityOf, lostAfterMs, lostPods } from "./capacity.ts"
import type { Sighting } from "./observe.ts"
import { followStarts, stuckAfterMs } from "./podSightings.ts"
import type { PodView } from "./podView.ts"

const start = 1_000_000
const now = start + 3_600_000

const view = (name: string, more: Partial<PodView>) => podFacts(name, start, { readySince: start, ...more })
const sighting = (id: string, more: Partial<Sighting>) => sightingFacts(id, start, { phase: "busy", busy: true, heardAt: now, ...more })

const silent = { heardAt: now - lostAfterMs }
const look = (pods: ReadonlyArray<readonly [PodView, Sighting]>, listeningSince: number | undefined = start) => ({
  pods: pods.map(([pod]) => pod),
  sightings: pods.map(([, seen]) => seen),
  started: new Map(),
  listeningSince,
  now
})
const one = (name: string, pod: Partial<PodView>, seen: Partial<Sighting>) => [view(name, pod), sighting(name, seen)] as const
const phases = (seen: Parameters<typeof capacityOf>[0]) => capacityOf(seen).map(({ id, phase }) => `${id} ${phase}`)

describe("capacity", () => {
  it("an agent that speaks counts, and so does one that was silent for a moment", () => {
    assert.deepStrictEqual(phases(look([one("a", {}, {}), one("b", {}, { heardAt: now - lostAfterMs + 1 })])), ["a busy", "b busy"])
  })

  it("one that fell silent stands for no work, so that another may come; the first of them takes no room either", () => {
    const seen = look([one("a", {}, silent), one("b", {}, {}), one("c", {}, silent)])
    assert.deepStrictEqual([...lostPods(seen)], ["a", "c"])
    assert.deepStrictEqual(phases(seen), ["b busy", "c stopping"])
  })

  it("silence of a time in which nobody listened says nothing", () => {
    assert.deepStrictEqual(phases(look([one("a", {}, silent)], now - lostAfterMs + 1)), ["a busy"])
    assert.deepStrictEqual([...lostPods({ ...look([one("a", {}, silent)]), listeningSince: undefined })], [])
  })

  it("a new operator gives up on an agent that runs and is never heard, and not on one that does not run yet", () => {
    const never = { heardAt: undefined, readyAt: undefined, phase: "starting", busy: false } as const
    assert.deepStrictEqual([...lostPods(look([one("a", {}, never), one("b", { runningSince: undefined }, never)]))], ["a"])
    assert.deepStrictEqual([...lostPods(look([one("a", { runningSince: now - 1_000 }, never)]))], [])
  })

  it("an agent that was just seen to start is not silent, whatever its node's clock says", () => {
    const [pod, seen] = one("a", { runningSince: start }, { heardAt: undefined })
    const started = followStarts(new Map(), [pod], now - lostAfterMs + 1)
    assert.deepStrictEqual([...lostPods({ ...look([[pod, seen]]), started })], [])
    assert.deepStrictEqual([...lostPods({ ...look([[pod, seen]]), started, now: now + 1 })], ["a"])
  })

  it("a pod whose grace is long over waits for a node that does not answer", () => {
    const gone = { terminating: true, overdueAt: now - stuckAfterMs }
    assert.deepStrictEqual(phases(look([one("a", gone, { phase: "stopping", busy: false })])), [])
    assert.deepStrictEqual(phases(look([one("a", { ...gone, overdueAt: now }, { phase: "stopping", busy: false })])), ["a stopping"])
  })
})
