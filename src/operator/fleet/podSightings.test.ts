import { assert, describe, it } from "@effect/vitest"
import type { Heartbeat } from "../../contract/AgentMessages.ts"
import { heartbeatFacts, podFacts } from "../../testing/podFacts.ts"
import { followStarts, isStuck, type PodMoment, sightPods } from "./podSightings.ts"
import type { Sighting } from "./observe.ts"
import type { PodView } from "./podView.ts"

const start = 1_000_000
const view = (more: Partial<PodView> = {}) => podFacts("p-0-a", start, { uid: "u", ...more })
const heartbeat = (state: Heartbeat["state"], claims = 0) => heartbeatFacts("p-0-a", state, claims)

const look = (
  pod: PodView,
  heard: Heartbeat | undefined,
  now: number,
  { before = [], ...more }: Partial<PodMoment> & { readonly before?: ReadonlyArray<Sighting> } = {}
) => {
  const moment = { startupTimeoutMs: 60_000, drainTimeoutMs: 900_000, listeningSince: start, asked: new Set<string>(), started: new Map(), now, ...more }
  const { broken, replicas } = sightPods([pod], heard === undefined ? [] : [heard], before, moment)
  return { seen: replicas[0]!, all: replicas, broken }
}

describe("sightPods", () => {
  it("waiting for a node is no failure to start, however long", () => {
    const held = view({ scheduledAt: undefined, runningSince: undefined, held: { reason: "Unschedulable", message: "no GPU" } })
    const { broken, seen } = look(held, undefined, start + 3_600_000)
    assert.deepStrictEqual([seen.phase, broken.length], ["starting", 0])
    const new_ = view({ scheduledAt: undefined, runningSince: undefined })
    assert.deepStrictEqual(look(new_, undefined, start + 3_600_000).broken, [])
  })

  it("the time to get ready counts from the node, and from the last start of the container", () => {
    const late = view({ scheduledAt: start + 100_000 })
    assert.deepStrictEqual(look(late, heartbeat("STARTING"), start + 159_999).broken, [])
    assert.include(look(late, heartbeat("STARTING"), start + 160_000).broken[0]?.why, "not ready within")
    const restarted = view({ restarts: 1, runningSince: start + 3_600_000 })
    assert.deepStrictEqual(look(restarted, heartbeat("STARTING"), start + 3_610_000).broken, [])
    const stopped = view({ restarts: 1, runningSince: undefined, stoppedAt: start + 3_600_000 })
    assert.deepStrictEqual(look(stopped, undefined, start + 3_610_000).broken, [])
  })

  it("the time to get ready is this program's, when the node's clock is wrong", () => {
    const now = start + 3_600_000
    const pod = view({ scheduledAt: start, runningSince: start })
    const started = followStarts(followStarts(new Map(), [pod], now), [pod], now + 1_000)
    assert.deepStrictEqual(look(pod, heartbeat("STARTING"), now + 59_999, { started }).broken, [])
    assert.strictEqual(look(pod, heartbeat("STARTING"), now + 60_000, { started }).broken.length, 1)
    const again = view({ scheduledAt: start, restarts: 1, runningSince: start + 1_000 })
    assert.strictEqual(followStarts(started, [again], now + 90_000).get("u")?.seenAt, now + 90_000)
  })

  it("a container that does not run is not busy, whatever was heard a moment ago", () => {
    const before = look(view(), heartbeat("BUSY", 1), start + 1_000).all
    assert.isTrue(before[0]?.busy)
    const crashed = view({ runningSince: undefined, restarts: 1, stoppedAt: start + 2_000 })
    const { seen } = look(crashed, heartbeat("BUSY", 1), start + 2_000, { before })
    assert.deepStrictEqual([seen.phase, seen.busy], ["starting", false])
  })

  it("an operator that has heard nobody yet believes the kubelet", () => {
    const { seen } = look(view({ readySince: start + 5 }), undefined, start + 10)
    assert.deepStrictEqual([seen.phase, seen.readyAt], ["idle", start + 5])
    assert.strictEqual(look(view({ readySince: start + 5 }), heartbeat("BUSY", 1), start + 10).seen.phase, "busy")
  })

  it("asked to drain, on its way out, ended", () => {
    assert.strictEqual(look(view(), heartbeat("DRAINING"), start, { asked: new Set(["p-0-a"]) }).seen.phase, "draining")
    assert.strictEqual(look(view({ terminating: true }), heartbeat("READY"), start).seen.phase, "stopping")
    assert.strictEqual(look(view({ ended: { why: "x", disrupted: false } }), undefined, start).seen.phase, "stopping")
  })

  it("a few crashes are the kubelet's business, a crash loop is not", () => {
    const looping = (restarts: number) =>
      view({ restarts, runningSince: undefined, stoppedAt: start, waiting: { reason: "CrashLoopBackOff", message: "exit code 1" } })
    assert.deepStrictEqual(look(looping(2), undefined, start).broken, [])
    assert.deepStrictEqual(look(looping(3), undefined, start).broken, [{ id: "p-0-a", why: "it crashed 3 times (exit code 1)", silent: false }])
    assert.deepStrictEqual(look({ ...looping(3), terminating: true }, undefined, start).broken, [])
  })

  it("an image that cannot be pulled is waited for until the start-up time is over", () => {
    const pulling = view({ runningSince: undefined, waiting: { reason: "ImagePullBackOff", message: "not found" } })
    assert.deepStrictEqual(look(pulling, undefined, start + 59_999).broken, [])
    assert.strictEqual(look(pulling, undefined, start + 60_000).broken.length, 1)
  })

  it("silence: an idle one is replaced soon, a busy one keeps its pod for the drain time-out", () => {
    const idle = look(view(), heartbeat("READY"), start).all
    assert.deepStrictEqual(look(view(), undefined, start + 29_999, { before: idle }).broken, [])
    assert.deepInclude(look(view(), undefined, start + 30_000, { before: idle }).broken[0], { silent: true })
    const busy = look(view(), heartbeat("BUSY", 1), start).all
    assert.deepStrictEqual(look(view(), undefined, start + 899_999, { before: busy }).broken, [])
    assert.strictEqual(look(view(), undefined, start + 900_000, { before: busy }).broken.length, 1)
    assert.deepStrictEqual(look(view(), undefined, start + 900_000, { before: busy, listeningSince: undefined }).broken, [])
  })

  it("what it says of itself is no silence", () => {
    assert.deepInclude(look(view(), heartbeat("SETUP_FAILED"), start).broken[0], { silent: false, why: "it reports SETUP_FAILED" })
  })
})

describe("isStuck", () => {
  it("only long after the end of its grace", () => {
    assert.isFalse(isStuck(view(), start + 1_000_000))
    assert.isFalse(isStuck(view({ overdueAt: start }), start + 29_999))
    assert.isTrue(isStuck(view({ overdueAt: start }), start + 30_000))
  })
})
