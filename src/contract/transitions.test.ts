import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { jobRecord } from "../testing/records.ts"
import type { JobRecord, JobState } from "./Job.ts"
import { type Current, type JobCommand, type RefusalReason, transition } from "./transitions.ts"

const at = "2026-01-02T03:05:00.000Z"
const output = { images: [] }

/** A job in each state, as the log would hold it: `processing` is owned by agent a, attempt 1. */
const jobIn: Record<JobState, JobRecord> = {
  queued: jobRecord(),
  processing: jobRecord({
    state: "processing", agent: "a", attempt: 1, attempts_counted: 1, queued_sequence: 7, started_at: at
  }),
  completed: jobRecord({ state: "completed", agent: "a", attempt: 1, attempts_counted: 1, queued_sequence: 7, output, ended_at: at }),
  failed: jobRecord({
    state: "failed", agent: "a", attempt: 1, attempts_counted: 1, queued_sequence: 7, ended_at: at,
    error: { class: "model_error", message: "m" }
  }),
  cancelled: jobRecord({ state: "cancelled", ended_at: at }),
  deleted: jobRecord({ state: "deleted", prompt: "", ended_at: at })
}

const commands: Record<JobCommand["_tag"], JobCommand> = {
  Submit: { _tag: "Submit", record: jobRecord() },
  Start: { _tag: "Start", agent: "b", queuedSequence: 7, silent: false, at },
  Release: { _tag: "Release", agent: "a", attempt: 1, reason: "shutdown", at },
  Complete: {
    _tag: "Complete", agent: "a", attempt: 1, output, parameters: { seed: 42 }, warnings: ["w"], actualTimeS: 1.5, at
  },
  Fail: { _tag: "Fail", by: { agent: "a", attempt: 1 }, error: { class: "model_error", message: "m" }, at },
  Cancel: { _tag: "Cancel", at },
  Retry: { _tag: "Retry", share: 1, at, queueDeadline: at },
  Requeue: { _tag: "Requeue", at },
  Move: { _tag: "Move", pool: "other", at },
  Delete: { _tag: "Delete", at }
}

/** The whole machine: one row a state, one column a command. `→x` = appends event x, else the reason of the refusal. */
const table: Record<JobState | "none", Record<JobCommand["_tag"], `→${string}` | RefusalReason>> = {
  none: {
    Submit: "→queued", Start: "unknown_job", Release: "unknown_job", Complete: "unknown_job", Fail: "unknown_job",
    Cancel: "unknown_job", Retry: "unknown_job", Requeue: "unknown_job", Move: "unknown_job", Delete: "unknown_job"
  },
  queued: {
    Submit: "already_exists", Start: "→started", Release: "not_processing", Complete: "not_processing",
    Fail: "not_processing", Cancel: "→cancelled", Retry: "not_failed", Requeue: "→queued", Move: "→queued",
    Delete: "not_ended"
  },
  processing: {
    Submit: "already_exists", Start: "owner_alive", Release: "→released", Complete: "→completed", Fail: "→failed",
    Cancel: "→cancelled", Retry: "not_failed", Requeue: "→queued", Move: "not_queued", Delete: "not_ended"
  },
  completed: {
    Submit: "already_exists", Start: "ended", Release: "not_processing", Complete: "not_processing", Fail: "ended",
    Cancel: "ended", Retry: "not_failed", Requeue: "ended", Move: "ended", Delete: "→deleted"
  },
  failed: {
    Submit: "already_exists", Start: "ended", Release: "not_processing", Complete: "not_processing", Fail: "ended",
    Cancel: "ended", Retry: "→queued", Requeue: "ended", Move: "ended", Delete: "→deleted"
  },
  cancelled: {
    Submit: "already_exists", Start: "ended", Release: "not_processing", Complete: "not_processing", Fail: "ended",
    Cancel: "ended", Retry: "not_failed", Requeue: "ended", Move: "ended", Delete: "→deleted"
  },
  deleted: {
    Submit: "already_exists", Start: "deleted", Release: "deleted", Complete: "deleted", Fail: "deleted",
    Cancel: "deleted", Retry: "deleted", Requeue: "deleted", Move: "deleted", Delete: "deleted"
  }
}

const outcome = (current: Current | undefined, command: JobCommand): string =>
  Result.match(transition(current, command), {
    onSuccess: ({ event }) => `→${event}`,
    onFailure: ({ reason }) => reason
  })

const inState = (state: JobState, overrides: Partial<JobRecord> = {}): Current => ({
  record: { ...jobIn[state], ...overrides } as JobRecord,
  queuedSequence: 7
})

const next = (current: Current, command: JobCommand): JobRecord =>
  Result.getOrThrowWith(transition(current, command), (refusal) => new Error(refusal.reason)).record

describe("transition", () => {
  for (const [state, row] of Object.entries(table) as Array<[JobState | "none", (typeof table)["none"]]>) {
    for (const [tag, expected] of Object.entries(row) as Array<[JobCommand["_tag"], string]>) {
      it(`${state} × ${tag} is ${expected}`, () => {
        assert.strictEqual(outcome(state === "none" ? undefined : inState(state), commands[tag]), expected)
      })
    }
  }

  it("rule 1: a claim must name the latest queued sequence", () => {
    assert.strictEqual(outcome(inState("queued"), { ...commands.Start, queuedSequence: 6 } as JobCommand), "superseded")
  })

  it("rule 2: a job is taken over only from a silent owner, with the next attempt", () => {
    const record = next(inState("processing"), { ...commands.Start, silent: true } as JobCommand)
    assert.deepInclude(record, { state: "processing", agent: "b", attempt: 2, attempts_counted: 2, queued_sequence: 7 })
  })

  it("the late result of a former owner is refused", () => {
    const taken = inState("processing", { agent: "b", attempt: 2 })
    for (const tag of ["Complete", "Release", "Fail"] as const) {
      assert.strictEqual(outcome(taken, commands[tag]), "not_owner")
    }
    assert.strictEqual(outcome(inState("processing", { attempt: 2 }), commands.Complete), "not_owner")
  })

  it("rule 4: three attempts a round, then the claim is refused; a user's retry starts a new round", () => {
    const used = inState("processing", { attempt: 3, attempts_counted: 3 })
    assert.strictEqual(outcome(used, { ...commands.Start, silent: true } as JobCommand), "attempts_exhausted")
    assert.strictEqual(outcome(used, commands.Requeue), "attempts_exhausted")
    const failed = next(used, { ...commands.Fail, by: "sweeper" } as JobCommand)
    const retried = next({ record: failed, queuedSequence: 7 }, commands.Retry)
    assert.deepInclude(retried, { state: "queued", attempt: 3, attempts_counted: 0, retry_count: 1 })
    for (const field of ["agent", "error", "output", "ended_at", "started_at", "queued_sequence"]) {
      assert.notProperty(retried, field)
    }
  })

  it("a release does not count the attempt and keeps its number", () => {
    const released = next(inState("processing"), commands.Release)
    assert.deepInclude(released, { state: "queued", attempt: 1, attempts_counted: 0, queued_sequence: 7 })
    const again = next({ record: released, queuedSequence: 7 }, commands.Start)
    assert.deepInclude(again, { attempt: 2, attempts_counted: 1 })
  })

  it("a fourth retry, and a retry of invalid input, are refused", () => {
    assert.strictEqual(outcome(inState("failed", { retry_count: 3 }), commands.Retry), "retries_exhausted")
    assert.strictEqual(
      outcome(inState("failed", { error: { class: "invalid_input", message: "m" } }), commands.Retry),
      "not_retryable"
    )
  })

  it("the sweeper fails queued and running jobs alike", () => {
    for (const state of ["queued", "processing"] as const) {
      assert.strictEqual(outcome(inState(state), { ...commands.Fail, by: "sweeper" } as JobCommand), "→failed")
    }
  })

  it("a move changes the pool and nothing else of the route", () => {
    const moved = next(inState("queued"), commands.Move)
    assert.deepInclude(moved, { pool: "other", model: "noop", priority: 1, share: 0 })
  })

  it("a tombstone keeps client and usage, and neither prompt nor pictures", () => {
    const tombstone = next(inState("completed", { actual_time_s: 3 }), commands.Delete)
    assert.deepInclude(tombstone, { state: "deleted", prompt: "", client: "key-1", actual_time_s: 3, inputs: [] })
    assert.notProperty(tombstone, "output")
  })

  it("time with an agent is not time in the queue", () => {
    const started_at = "2026-01-02T03:04:10.678Z"
    for (const tag of ["Release", "Requeue"] as const) {
      const again = next(inState("processing", { started_at, queue_deadline: "2026-01-02T03:04:20.000Z" }), commands[tag])
      assert.strictEqual(again.queue_deadline, "2026-01-02T03:05:09.322Z", tag)
    }
    assert.strictEqual(next(inState("queued"), commands.Requeue).queue_deadline, jobRecord().queue_deadline)
    assert.strictEqual(next(inState("queued"), commands.Move).queue_deadline, jobRecord().queue_deadline)
    assert.strictEqual(next(inState("queued"), commands.Start).queue_deadline, jobRecord().queue_deadline)
  })

  it("nor is the time of a lost agent whose job another took over and gave back", () => {
    const lost = inState("processing", { started_at: "2026-01-02T03:04:10.678Z", queue_deadline: "2026-01-02T03:04:20.000Z" })
    const taken = next(lost, { _tag: "Start", agent: "b", queuedSequence: 7, silent: true, at })
    const givenBack = next({ record: taken, queuedSequence: 7 }, { _tag: "Release", agent: "b", attempt: 2, reason: "shutdown", at: "2026-01-02T03:06:00.000Z" })
    // 9.322 s of the wait were left when the first agent took it.
    assert.strictEqual(givenBack.queue_deadline, "2026-01-02T03:06:09.322Z")
  })

  it("fields of a newer version survive every transition", () => {
    for (const [state, tag] of [
      ["queued", "Start"], ["processing", "Release"], ["processing", "Complete"], ["processing", "Fail"],
      ["queued", "Cancel"], ["failed", "Retry"], ["queued", "Requeue"], ["queued", "Move"], ["completed", "Delete"]
    ] as const) {
      assert.deepInclude(next(inState(state, { from_the_future: { a: 1 } }), commands[tag]), { from_the_future: { a: 1 } })
    }
  })
})
