import { assert, describe, it } from "@effect/vitest"
import type { Heartbeat } from "../../contract/AgentMessages.ts"
import { heartbeatFacts } from "../../testing/podFacts.ts"
import { type AgentProcess, listeningSince, observe, type Sighting } from "./observe.ts"

const start = 1_000
const patience = { startupTimeoutMs: 60_000, hungAfterMs: 20_000 }
const agent = (wanted: AgentProcess["wanted"] = "running"): AgentProcess => ({ id: "p-0-x", slot: 0, wanted, startedAt: start, revision: "r" })

const heartbeat = (state: Heartbeat["state"], claims = 0) => heartbeatFacts("p-0-x", state, claims)

const look = (
  heard: Heartbeat | undefined,
  now: number,
  before: ReadonlyArray<Sighting> = [],
  more: { readonly wanted?: AgentProcess["wanted"]; readonly listeningSince?: number | undefined } = {}
) => {
  const { wanted = "running" } = more
  const listeningSince = "listeningSince" in more ? more.listeningSince : start
  const { broken, replicas } = observe([agent(wanted)], heard === undefined ? [] : [heard], before, { ...patience, listeningSince, now })
  return { seen: replicas[0]!, broken, all: replicas }
}

describe("observe", () => {
  it("a process that was never heard is starting since it was started", () => {
    const { seen } = look(undefined, start + 500)
    assert.deepStrictEqual([seen.phase, seen.since, seen.loading], ["starting", start, false])
  })

  it("follows what the agent says of itself, with the time of each change", () => {
    const loading = look(heartbeat("STARTING"), start + 1_000)
    assert.deepStrictEqual([loading.seen.phase, loading.seen.loading], ["starting", true])
    const idle = look(heartbeat("READY"), start + 2_000, loading.all)
    assert.deepStrictEqual([idle.seen.phase, idle.seen.since, idle.seen.readyAt], ["idle", start + 2_000, start + 2_000])
    const still = look(heartbeat("READY"), start + 3_000, idle.all)
    assert.strictEqual(still.seen.since, start + 2_000)
    const busy = look(heartbeat("BUSY", 1), start + 4_000, still.all)
    assert.deepStrictEqual([busy.seen.phase, busy.seen.busy, busy.seen.readyAt], ["busy", true, start + 2_000])
  })

  it("a claim makes it busy, whatever its state says; a draining one may be busy", () => {
    const claiming = look(heartbeat("READY", 1), start).seen
    assert.deepStrictEqual([claiming.phase, claiming.busy], ["busy", true])
    const { seen } = look(heartbeat("BUSY", 1), start, [], { wanted: "draining" })
    assert.deepStrictEqual([seen.phase, seen.busy], ["draining", true])
  })

  it("a missed heartbeat changes nothing: busy stays busy", () => {
    const busy = look(heartbeat("BUSY", 1), start + 1_000)
    const silent = look(undefined, start + 6_000, busy.all)
    assert.deepStrictEqual([silent.seen.phase, silent.seen.busy, silent.broken.length], ["busy", true, 0])
  })

  it("long silence is a hung process, but not while nobody can be heard", () => {
    const before = look(heartbeat("READY"), start).all
    assert.include(look(undefined, start + 20_000, before).broken[0]?.why, "nothing was heard")
    assert.deepStrictEqual(look(undefined, start + 20_000, before, { listeningSince: undefined }).broken, [])
    assert.deepStrictEqual(look(undefined, start + 20_000, before, { wanted: "stopping" }).broken, [])
  })

  it("silence from before the listening began does not count: the broker was away, or the machine slept", () => {
    const before = look(heartbeat("BUSY", 1), start).all
    const awake = start + 3_600_000
    assert.deepStrictEqual(look(undefined, awake, before, { listeningSince: awake }).broken, [])
    assert.deepStrictEqual(look(undefined, awake + 19_999, before, { listeningSince: awake }).broken, [])
    assert.include(look(undefined, awake + 20_000, before, { listeningSince: awake }).broken[0]?.why, "for 20000 ms")
  })

  it("listening begins with the broker, and anew after a break", () => {
    assert.strictEqual(listeningSince({ since: undefined, lookedAt: 0 }, true, 9_000), 9_000)
    assert.strictEqual(listeningSince({ since: 9_000, lookedAt: 9_500 }, true, 10_500), 9_000)
    assert.strictEqual(listeningSince({ since: 9_000, lookedAt: 9_500 }, false, 10_500), undefined)
    assert.strictEqual(listeningSince({ since: 9_000, lookedAt: 9_500 }, true, 3_600_000), 3_600_000)
  })

  it("one that says it cannot serve, or never gets ready, is broken", () => {
    assert.include(look(heartbeat("DEFUNCT"), start).broken[0]?.why, "DEFUNCT")
    assert.include(look(heartbeat("SETUP_FAILED"), start).broken[0]?.why, "SETUP_FAILED")
    assert.include(look(heartbeat("STARTING"), start + 60_000).broken[0]?.why, "not ready within 60000 ms")
  })

  it("whoever has just begun to listen, or cannot listen, does not know how long an agent has not been ready", () => {
    const later = start + 3_600_000
    assert.deepStrictEqual(look(undefined, later, [], { listeningSince: later }).broken, [])
    assert.deepStrictEqual(look(undefined, later, [], { listeningSince: undefined }).broken, [])
    assert.deepStrictEqual(look(heartbeat("STARTING"), later, [], { listeningSince: later - 59_999 }).broken, [])
    assert.include(look(heartbeat("STARTING"), later, [], { listeningSince: later - 60_000 }).broken[0]?.why, "not ready")
  })

  it("an agent whose engine starts anew has the whole time again", () => {
    const ready = look(heartbeat("READY"), start + 1_000).all
    const later = start + 3_600_000
    const again = look(heartbeat("STARTING"), later, ready)
    assert.deepStrictEqual(again.broken, [])
    assert.deepStrictEqual(look(heartbeat("STARTING"), later + 59_999, again.all).broken, [])
    assert.include(look(heartbeat("STARTING"), later + 60_000, again.all).broken[0]?.why, "not ready")
  })
})
