import { assert, describe, it } from "@effect/vitest"
import type { JobRecord } from "../../contract/Job.ts"
import { jobRecord } from "../../testing/records.ts"
import { EngineCrashed, EngineOutOfMemory, EngineTimeout, EngineUnavailable, RunFailed } from "../engine/errors.ts"
import { ackWaitMs, afterFailure, clip, clipAll, decideClaim, ownershipOf } from "./outcome.ts"

const deadline = "2026-01-02T04:04:05.678Z"
const early = Date.parse(deadline) - 1
const processing = { state: "processing", agent: "other", attempt: 1, attempts_counted: 1 } as const

const decide = (
  record: Partial<JobRecord> | undefined,
  facts: { originSequence?: number; ownerSilent?: boolean; nowMs?: number } = {}
) =>
  decideClaim({
    view: record === undefined ? undefined : { record: jobRecord({ queue_deadline: deadline, ...record }), queuedSequence: 10 },
    originSequence: 10,
    ownerSilent: false,
    nowMs: early,
    ...facts
  })

describe("rule 1: a message is valid only for the job's latest queued", () => {
  it("starts a queued job", () => assert.deepStrictEqual(decide({}), { _tag: "Start", silent: false }))
  it("drops a message without a job", () => assert.strictEqual(decide(undefined)._tag, "Drop"))
  it("drops a message of an earlier queued", () => assert.strictEqual(decide({}, { originSequence: 9 })._tag, "Drop"))
  it("looks again when the read is older than the message", () =>
    assert.strictEqual(decide({}, { originSequence: 11 })._tag, "Later"))
  for (const state of ["completed", "failed", "cancelled", "deleted"] as const) {
    it(`drops a message of a ${state} job`, () => assert.strictEqual(decide({ ...processing, state })._tag, "Drop"))
  }
  it("leaves a job of a newer schema to newer agents", () =>
    assert.deepInclude(decide({ schema_version: 2 }), { _tag: "Later", delayMs: ackWaitMs }))
})

describe("rule 2: taken over only from the silent", () => {
  it("leaves a living owner alone and keeps the message", () =>
    assert.deepInclude(decide(processing), { _tag: "Later", delayMs: ackWaitMs }))
  it("takes over from a silent owner", () =>
    assert.deepStrictEqual(decide(processing, { ownerSilent: true }), { _tag: "Start", silent: true }))
})

describe("rule 4: attempts are counted in the record", () => {
  const exhausted = { ...processing, attempt: 3, attempts_counted: 3 }
  it("fails a job that three agents were lost with", () => {
    const decision = decide(exhausted, { ownerSilent: true })
    assert.strictEqual(decision._tag === "Fail" && decision.error.class, "agent_lost")
  })
  it("leaves the third attempt alone while it lives", () => assert.strictEqual(decide(exhausted)._tag, "Later"))
})

describe("a job past its deadline", () => {
  it("fails as expired while it is queued", () => {
    const decision = decide({}, { nowMs: early + 1 })
    assert.strictEqual(decision._tag === "Fail" && decision.error.class, "expired")
  })
  it("goes on once it has started", () =>
    assert.strictEqual(decide(processing, { nowMs: early + 1, ownerSilent: true })._tag, "Start"))
})

describe("rule 3: whose job it is, by the record", () => {
  const claim = { agent: "me", job_id: "j", attempt: 2 }
  const of = (record: Partial<JobRecord>) => ownershipOf(jobRecord({ agent: "me", attempt: 2, ...record }), claim)
  it("mine while this attempt is processing", () => assert.strictEqual(of({ state: "processing" }), "mine"))
  it("mine after this agent started it again", () => assert.strictEqual(of({ state: "processing", attempt: 3 }), "mine"))
  it("lost to another agent", () => assert.strictEqual(of({ state: "processing", agent: "other", attempt: 3 }), "lost"))
  it("lost when queued again, gone, or completed by another", () => {
    assert.strictEqual(of({ state: "queued" }), "lost")
    assert.strictEqual(ownershipOf(undefined, claim), "lost")
    assert.strictEqual(of({ state: "completed", agent: "other", attempt: 3 }), "lost")
  })
  it("ended by this attempt", () => assert.strictEqual(of({ state: "completed" }), "ended"))
  it("cancelled or deleted under it", () => {
    assert.strictEqual(of({ state: "cancelled" }), "cancelled")
    assert.strictEqual(of({ state: "deleted" }), "cancelled")
  })
})

describe("after a failed run", () => {
  const crashed = new EngineCrashed({ message: "the engine ended with signal SIGSEGV" })
  it("a crash is tried again, three times in all", () => {
    assert.deepStrictEqual(afterFailure(crashed, 1), { _tag: "StartAgain" })
    assert.deepStrictEqual(afterFailure(crashed, 2), { _tag: "StartAgain" })
    const last = afterFailure(crashed, 3)
    assert.strictEqual(last._tag === "Fail" && last.error.class, "model_error")
  })
  it("what the model says is final", () => {
    for (const errorClass of ["invalid_input", "model_error", "out_of_memory"] as const) {
      assert.deepStrictEqual(afterFailure(new RunFailed({ class: errorClass, message: "why" }), 1), {
        _tag: "Fail",
        error: { class: errorClass, message: "why" }
      })
    }
  })
  it("limits have classes of their own", () => {
    const classOf = (next: ReturnType<typeof afterFailure>) => (next._tag === "Fail" ? next.error.class : next._tag)
    assert.strictEqual(classOf(afterFailure(new EngineTimeout({ timeoutMs: 1_000 }), 1)), "timeout")
    assert.strictEqual(classOf(afterFailure(new EngineOutOfMemory({ limitBytes: 1 }), 1)), "out_of_memory")
    assert.strictEqual(classOf(afterFailure(new EngineUnavailable({ message: "" }), 1)), "GiveBack")
  })
})

describe("what a model says", () => {
  it("is cut to what fits into an event, however long it is", () => {
    const long = "x".repeat(1_000_000)
    const next = afterFailure(new RunFailed({ class: "model_error", message: long }), 1)
    assert.isAtMost(next._tag === "Fail" ? next.error.message.length : 0, 2_000)
    assert.isAtMost(JSON.stringify(clipAll(Array.from({ length: 10_000 }, () => long))).length, 200_000)
    assert.strictEqual(clip("short"), "short")
    assert.deepStrictEqual(clipAll(["a", "b"]), ["a", "b"])
  })
})
