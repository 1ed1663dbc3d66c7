import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { GpuPoolSpec, type GpuPoolStatus } from "../../contract/GpuPool.ts"
import type { JobRecord } from "../../contract/Job.ts"
import { jobRecord } from "../../testing/records.ts"
import type { PoolView } from "../pools/PoolRegistry.ts"
import { inTurn, mayBeOrphan, needsMessageCheck, type KnownPools, planJob, type SweptJob } from "./plan.ts"

const nowMs = Date.parse("2026-01-02T03:30:00.000Z")
const ago = (seconds: number) => new Date(nowMs - seconds * 1000).toISOString()

const pool = (name: string, options: { models?: ReadonlyArray<string>; ready?: boolean; spillAfter?: string; depth?: number } = {}): PoolView => {
  const models = options.models ?? ["noop"]
  return {
    name,
    spec: Schema.decodeUnknownSync(GpuPoolSpec)({ models, scaling: { spillAfter: options.spillAfter ?? "0s" } }),
    status: { queue: { readable: true, depth: options.depth ?? 0 } } as GpuPoolStatus,
    lanesReadyFor: options.ready === false ? [] : models
  }
}

const job = (overrides: Partial<JobRecord> = {}, seen: Partial<SweptJob> = {}): SweptJob => ({
  row: { sequence: 5, firstSequence: 5, queuedSequence: 5, record: jobRecord({ queued_at: ago(60), queue_deadline: ago(-60), ...overrides }) },
  hasMessage: true,
  ownerSilent: false,
  ...seen
})

const planned = (swept: SweptJob, ...known: [pools?: KnownPools]): string => {
  const pools = known.length === 0 ? [pool("local")] : known[0]
  const command = planJob(swept, pools, nowMs)
  if (command === undefined) return "nothing"
  if (command._tag === "Fail") return `Fail ${command.error.class}`
  return command._tag === "Move" ? `Move ${command.pool}` : command._tag
}

describe("planJob, queued", () => {
  it("a job with its message waits", () => assert.strictEqual(planned(job()), "nothing"))
  it("expires at its deadline, not before", () => {
    assert.strictEqual(planned(job({ queue_deadline: ago(1) })), "Fail expired")
    assert.strictEqual(planned(job({ queue_deadline: ago(0) })), "nothing")
  })
  it("is put back when its message is gone, and left alone when nobody knows", () => {
    assert.strictEqual(planned(job({}, { hasMessage: false })), "Requeue")
    assert.strictEqual(planned(job({}, { hasMessage: undefined })), "nothing")
  })
  it("fails when it would be put back with its attempts used up", () => {
    assert.strictEqual(planned(job({ attempts_counted: 3 }, { hasMessage: false })), "Fail agent_lost")
  })
  it("of a pool that is gone moves to another that serves the model, waits for one that will, or fails", () => {
    assert.strictEqual(planned(job(), [pool("other")]), "Move other")
    assert.strictEqual(planned(job(), [pool("other", { ready: false })]), "nothing")
    assert.strictEqual(planned(job(), [pool("other", { models: ["else"] })]), "Fail pool_deleted")
  })
  it("of a pool that no longer lists its model moves too", () => {
    assert.strictEqual(planned(job(), [pool("local", { models: ["else"] }), pool("other")]), "Move other")
    assert.strictEqual(planned(job(), [pool("local", { models: ["else"] })]), "Fail pool_deleted")
    const command = planJob(job(), [pool("local", { models: ["else"] })], nowMs)
    assert.include(command?._tag === "Fail" ? command.error.message : "", "has given up this model")
  })
  it("keeps its pool while the pools cannot be looked up", () => {
    assert.strictEqual(planned(job(), undefined), "nothing")
  })
  it("fails when the last pool is gone", () => {
    assert.strictEqual(planned(job(), []), "Fail pool_deleted")
  })
  it("spills after spillAfter to a pool with room, and never without spillAfter", () => {
    const spilling = pool("local", { spillAfter: "30s" })
    assert.strictEqual(planned(job(), [spilling, pool("other")]), "Move other")
    assert.strictEqual(planned(job({ queued_at: ago(29) }), [spilling, pool("other")]), "nothing")
    assert.strictEqual(planned(job(), [spilling, pool("other", { depth: 9 })]), "nothing")
    assert.strictEqual(planned(job(), [spilling, pool("other", { ready: false })]), "nothing")
    assert.strictEqual(planned(job(), [pool("local"), pool("other")]), "nothing")
  })
})

describe("planJob, processing", () => {
  const running = { state: "processing", agent: "a", attempt: 1, attempts_counted: 1, started_at: ago(60) } as const
  it("is put back only with neither message nor heartbeat", () => {
    assert.strictEqual(planned(job(running, { hasMessage: false, ownerSilent: true })), "Requeue")
    assert.strictEqual(planned(job(running, { hasMessage: true, ownerSilent: true })), "nothing")
    assert.strictEqual(planned(job(running, { hasMessage: false, ownerSilent: false })), "nothing")
    assert.strictEqual(planned(job(running, { hasMessage: undefined, ownerSilent: true })), "nothing")
  })
  it("fails with agent_lost when its attempts are used up", () => {
    assert.strictEqual(planned(job({ ...running, attempts_counted: 3 }, { hasMessage: false, ownerSilent: true })), "Fail agent_lost")
  })
  it("of a pool that is gone is put back also when the lost agent still holds its message", () => {
    assert.strictEqual(planned(job(running, { hasMessage: true, ownerSilent: true }), []), "Requeue")
    assert.strictEqual(planned(job(running, { hasMessage: true, ownerSilent: true }), undefined), "nothing")
    assert.strictEqual(planned(job(running, { hasMessage: true, ownerSilent: false }), []), "nothing")
  })
  it("of a pool that has given its model up is put back likewise: no agent of it will take the message", () => {
    assert.strictEqual(planned(job(running, { hasMessage: true, ownerSilent: true }), [pool("local", { models: ["else"] })]), "Requeue")
    assert.strictEqual(planned(job(running, { hasMessage: true, ownerSilent: true }), [pool("local")]), "nothing")
  })
  it("runs on after its queue deadline and without its pool", () => {
    assert.strictEqual(planned(job({ ...running, queue_deadline: ago(1) }), [pool("other")]), "nothing")
  })
})

describe("what is asked at all", () => {
  it("messages only of jobs old enough to lack one", () => {
    assert.isFalse(needsMessageCheck(job({ queued_at: ago(9) }).row, nowMs))
    assert.isTrue(needsMessageCheck(job({ queued_at: ago(11) }).row, nowMs))
  })
  it("blobs only after an hour", () => {
    assert.isFalse(mayBeOrphan({ name: "x", modifiedAt: new Date(nowMs - 3_599_000) }, nowMs))
    assert.isTrue(mayBeOrphan({ name: "x", modifiedAt: new Date(nowMs - 3_601_000) }, nowMs))
  })
})

describe("what is too much for one sweep", () => {
  it("comes in turn, so that nothing is hidden behind the first", () => {
    const all = [1, 2, 3, 4, 5]
    const first = inTurn(all, 0, 2)
    const second = inTurn(all, first.next, 2)
    const third = inTurn(all, second.next, 2)
    assert.deepStrictEqual([first.chosen, second.chosen, third.chosen], [[1, 2], [3, 4], [5]])
    assert.deepStrictEqual(inTurn(all, third.next, 2).chosen, [1, 2])
  })
  it("begins anew when less is left", () => {
    assert.deepStrictEqual(inTurn([1, 2, 3], 4, 2), { chosen: [1, 2], next: 2 })
    assert.deepStrictEqual(inTurn([1, 2], 4, 2), { chosen: [1, 2], next: 0 })
  })
})
