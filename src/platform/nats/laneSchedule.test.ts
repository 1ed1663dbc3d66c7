import { assert, describe, it } from "@effect/vitest"
import { laneName, lanes } from "../../contract/Lane.ts"
import {
  agedAfterMs,
  agedPickEvery,
  type Candidate,
  freshTurns,
  pollOrder,
  priorityWeights,
  served,
  shareWeights,
  type Turns
} from "./laneSchedule.ts"

const candidate = (lane: string, overrides: Partial<Candidate> = {}): Candidate => ({
  model: "noop",
  lane: lanes.find((known) => laneName(known) === lane) ?? assert.fail(`no lane ${lane}`),
  loaded: true,
  headAgeMs: 0,
  affinityDelayMs: 0,
  ...overrides
})

const first = (turns: Turns, candidates: ReadonlyArray<Candidate>): Candidate =>
  pollOrder(turns, candidates)[0] ?? assert.fail("nothing to poll")

/** Picks with every candidate always full; returns what was picked in order. */
const run = (picks: number, candidatesAt: (pick: number) => ReadonlyArray<Candidate>, from: Turns = freshTurns) => {
  let turns = from
  return Array.from({ length: picks }, (_, pick) => {
    const picked = first(turns, candidatesAt(pick))
    turns = served(turns, picked)
    return picked
  })
}

const countBy = <A>(items: ReadonlyArray<A>, key: (item: A) => string) => {
  const counts: Record<string, number> = {}
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1
  return counts
}

const allLanes = lanes.map((lane) => candidate(laneName(lane)))

describe("rule 13: priorities and shares in turns", () => {
  it("priorities keep 8:3:1 and shares 4:2:1 over 1,200 picks", () => {
    const picks = run(1_200, () => allLanes)
    assert.deepStrictEqual(countBy(picks, ({ lane }) => `p${lane.priority}`), { p0: 800, p1: 300, p2: 100 })
    const shares = countBy(picks.filter(({ lane }) => lane.priority === 0), ({ lane }) => `s${lane.share}`)
    const unit = 800 / 7
    for (const [share, weight] of Object.entries(shareWeights)) {
      assert.closeTo(shares[`s${share}`] ?? 0, weight * unit, 4)
    }
  })

  it("the urgent come first, and light clients before heavy ones", () => {
    assert.deepStrictEqual(pollOrder(freshTurns, allLanes).map(({ lane }) => laneName(lane)), [
      "p0s0", "p0s1", "p0s2", "p1s0", "p1s1", "p1s2", "p2s0", "p2s1", "p2s2"
    ])
  })

  it("no lane starves: with all lanes full none waits longer than its weight allows", () => {
    const picks = run(2_000, () => allLanes)
    const sum = (weights: Readonly<Record<number, number>>) => Object.values(weights).reduce((a, b) => a + b)
    for (const lane of lanes) {
      const at = picks.flatMap((picked, pick) => (picked.lane === lane ? [pick] : []))
      const gaps = [at[0] ?? 2_000, ...at.slice(1).map((pick, i) => pick - (at[i] ?? 0)), 2_000 - (at.at(-1) ?? 0)]
      const ideal = (sum(priorityWeights) / priorityWeights[lane.priority]) * (sum(shareWeights) / shareWeights[lane.share])
      assert.isAtMost(Math.max(...gaps), 3 * ideal, laneName(lane))
    }
  })

  it("a lane that was empty for long has earned no run of its own", () => {
    const low = candidate("p2s0")
    const high = candidate("p0s0")
    let turns = freshTurns
    for (let pick = 0; pick < 1_000; pick++) turns = served(turns, low)
    const after = run(900, () => [low, high], turns)
    assert.closeTo(after.filter(({ lane }) => lane.priority === 0).length, 800, 2)
  })

  it("the same state and candidates give the same order, however they are listed", () => {
    const names = (candidates: ReadonlyArray<Candidate>) => pollOrder(freshTurns, candidates).map(({ lane }) => laneName(lane))
    assert.deepStrictEqual(names(allLanes.toReversed()), names(allLanes))
  })
})

describe("ageing", () => {
  const old = (lane: string, headAgeMs = agedAfterMs) => candidate(lane, { headAgeMs })

  it("a head that waited too long goes first", () => {
    const picked = first(freshTurns, [candidate("p0s0"), old("p2s2")])
    assert.strictEqual(laneName(picked.lane), "p2s2")
    assert.strictEqual(laneName(first(freshTurns, [candidate("p0s0"), old("p2s2", agedAfterMs - 1)]).lane), "p0s0")
  })

  it("of several old heads the oldest goes first", () => {
    assert.strictEqual(laneName(first(freshTurns, [old("p0s0"), old("p2s2", agedAfterMs + 1)]).lane), "p2s2")
  })

  it("in a long overload, where every head is old, it takes at most every fourth pick, so that weights still hold", () => {
    const everything = lanes.map((lane) => old(laneName(lane), agedAfterMs + lane.priority * 1_000))
    const picks = run(1_200, () => everything)
    const low = picks.filter(({ lane }) => lane.priority === 2).length
    assert.isAtMost(low, 1_200 / agedPickEvery + 1)
    assert.isAtLeast(picks.filter(({ lane }) => lane.priority === 0).length, 600)
  })
})

describe("rule 14: the model in memory first", () => {
  const other = (lane: string, headAgeMs: number | undefined) =>
    candidate(lane, { model: "sdxl", loaded: false, affinityDelayMs: 5_000, headAgeMs })

  it("a loaded model's lowest lane comes before another model's highest", () => {
    const order = pollOrder(freshTurns, [other("p0s0", 6_000), candidate("p2s2")])
    assert.deepStrictEqual(order.map(({ model }) => model), ["noop", "sdxl"])
  })

  it("another model's head is not polled before the delay, nor while its age is unknown", () => {
    assert.deepStrictEqual(pollOrder(freshTurns, [other("p0s0", 4_999)]), [])
    assert.deepStrictEqual(pollOrder(freshTurns, [other("p0s0", undefined)]), [])
    assert.strictEqual(pollOrder(freshTurns, [other("p0s0", 5_000)]).length, 1)
  })

  it("another model's head that has aged does not wait for the loaded one to run dry", () => {
    assert.strictEqual(first(freshTurns, [candidate("p0s0"), other("p2s2", agedAfterMs)]).model, "sdxl")
  })

  it("two loaded models take turns", () => {
    const both = [candidate("p1s0"), candidate("p1s0", { model: "starter" })]
    assert.deepStrictEqual(countBy(run(100, () => both), ({ model }) => model), { noop: 50, starter: 50 })
  })
})
