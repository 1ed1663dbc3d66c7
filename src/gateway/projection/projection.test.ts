import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { JobRecord, JobState } from "../../contract/Job.ts"
import type { StoredEvent } from "../../contract/JobEvent.ts"
import type { EventName } from "../../contract/subjects.ts"
import { jobEvent, jobRecord } from "../../testing/records.ts"
import { applyEvent } from "./apply.ts"
import { JobLog, type LogState } from "../../platform/nats/JobLog.ts"
import { GatewayConfig } from "../config.ts"
import { fits, Projection } from "./Projection.ts"
import { Store } from "./Store.ts"
import { createTables, perSubmission } from "./sql.ts"

const stateAfter: Record<EventName, JobState> = {
  queued: "queued", started: "processing", released: "queued", completed: "completed", failed: "failed", cancelled: "cancelled", deleted: "deleted"
}

let sequence = 0
const stored = (name: EventName, overrides: Partial<JobRecord> = {}): StoredEvent => ({
  sequence: ++sequence,
  storedAt: new Date(0),
  event: jobEvent(name, jobRecord({ state: stateAfter[name], ...overrides }))
})

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`

const withStore = (body: (store: Store, dir: string) => void) => {
  const dir = mkdtempSync(join(tmpdir(), "darkroom-projection-"))
  const store = new Store(dir)
  store.reset("life-1")
  body(store, dir)
  store.close()
  rmSync(dir, { recursive: true })
}

describe("applyEvent", () => {
  it("the same event twice, or an older one, changes nothing", () => {
    const event = stored("queued")
    const change = applyEvent(undefined, event)!
    assert.isUndefined(applyEvent(change.row, event))
    assert.isUndefined(applyEvent({ ...change.row, sequence: event.sequence + 1 }, event))
  })
  it("an event type of a newer version is skipped", () => {
    const event = stored("queued")
    assert.isUndefined(applyEvent(undefined, { ...event, event: { ...event.event, type: "dev.darkroom.job.paused.v1" } }))
  })
  it("remembers the sequence of the latest queued through release and start", () => {
    const queued = applyEvent(undefined, stored("queued"))!.row
    const started = applyEvent(queued, stored("started", { queued_sequence: queued.sequence }))!.row
    const released = applyEvent(started, stored("released", { queued_sequence: queued.sequence }))!.row
    assert.deepStrictEqual([started.queuedSequence, released.queuedSequence], [queued.sequence, queued.sequence])
    const again = applyEvent(released, stored("queued"))!.row
    assert.strictEqual(again.queuedSequence, again.sequence)
    assert.strictEqual(again.firstSequence, queued.firstSequence)
  })
})

describe("Store", () => {
  it("counts follow every transition, a move to another pool and a deletion", () =>
    withStore((store) => {
      store.apply([stored("queued"), stored("started")])
      assert.deepInclude(store.counts({}), { queued: 0, processing: 1 })
      store.apply([stored("queued", { pool: "other" })])
      assert.deepInclude(store.counts({ pool: "local" }), { queued: 0, processing: 0 })
      assert.deepInclude(store.counts({ pool: "other" }), { queued: 1 })
      store.apply([stored("cancelled", { pool: "other" }), stored("deleted", { pool: "other" })])
      assert.deepStrictEqual(store.counts({}), { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 })
      assert.lengthOf(store.history({ client: undefined, state: undefined, offset: 0, limit: 10 }), 0)
      assert.strictEqual(store.find(jobRecord().job_id)?.record.state, "deleted")
    }))
  it("history is newest first, by client and by state, in pages", () =>
    withStore((store) => {
      for (let n = 1; n <= 5; n++) store.apply([stored("queued", { job_id: id(n), client: n % 2 === 0 ? "even" : "odd" })])
      store.apply([stored("cancelled", { job_id: id(3), client: "odd" })])
      const page = (client: string | undefined, state: JobState | undefined, offset: number, limit: number) =>
        store.history({ client, state, offset, limit }).map(({ record }) => Number(record.job_id.at(-1)))
      assert.deepStrictEqual(page(undefined, undefined, 0, 2), [5, 4])
      assert.deepStrictEqual(page(undefined, undefined, 4, 2), [1])
      assert.deepStrictEqual(page("odd", undefined, 0, 9), [5, 3, 1])
      assert.deepStrictEqual(page("odd", "cancelled", 0, 9), [3])
      assert.deepInclude(store.counts({ client: "odd" }), { queued: 2, cancelled: 1 })
    }))
  it("averages only the pool's last completed jobs", () =>
    withStore((store) => {
      for (let n = 1; n <= 5; n++) {
        store.apply([stored("completed", { job_id: id(n), actual_time_s: n, pool: n === 5 ? "other" : "local" })])
      }
      assert.deepStrictEqual(store.completedSeconds("local", 3), [4, 3, 2])
    }))
  it("finds a client's unfinished twin and no other's", () =>
    withStore((store) => {
      store.apply([stored("queued", { job_id: id(1), client: "a", request_hash: "h" })])
      assert.strictEqual(store.unfinishedLike("a", "h")?.record.job_id, id(1))
      assert.isUndefined(store.unfinishedLike("b", "h"))
      assert.isUndefined(store.unfinishedLike("a", "i"))
      store.apply([stored("failed", { job_id: id(1), client: "a", request_hash: "h" })])
      assert.isUndefined(store.unfinishedLike("a", "h"))
    }))
  it("the jobs ahead are those of higher priority, and the earlier ones of the same", () =>
    withStore((store) => {
      store.apply([
        stored("queued", { job_id: id(1), priority: 2 }), stored("queued", { job_id: id(2) }), stored("queued", { job_id: id(3) }),
        stored("queued", { job_id: id(4), priority: 0 }), stored("queued", { job_id: id(5), pool: "other", priority: 0 }),
        stored("started", { job_id: id(6), priority: 0 })
      ])
      const ahead = (n: number) => store.ahead(store.find(id(n))!)
      assert.deepStrictEqual([1, 2, 3, 4].map(ahead), [3, 1, 2, 0])
    }))
  it.each(Object.entries(perSubmission))("%s looks at unfinished jobs alone, through an index of them", (_, sql) => {
    const db = new DatabaseSync(":memory:")
    db.exec(createTables)
    const plan = db.prepare(`explain query plan ${sql}`).all() as unknown as ReadonlyArray<{ detail: string }>
    assert.strictEqual(plan.length, 1)
    assert.match(plan[0]!.detail, /^SEARCH jobs USING (COVERING )?INDEX jobs_unfinished\S* \(.*AND.*\)$/)
  })

  it("a crash between two batches is resumed from the cursor, and repeats change nothing", () =>
    withStore((store, dir) => {
      const events = [stored("queued"), stored("started"), stored("completed")]
      store.apply(events.slice(0, 2))
      store.close()
      const reopened = new Store(dir)
      assert.deepStrictEqual(reopened.cursor(), { createdAt: "life-1", sequence: events[1]!.sequence })
      reopened.apply(events)
      assert.deepInclude(reopened.counts({}), { processing: 0, completed: 1 })
      reopened.close()
      Object.assign(store, { close: () => undefined })
    }))
  it("an event that cannot be stored moves neither counts nor cursor", () =>
    withStore((store) => {
      const good = stored("queued", { job_id: id(1) })
      store.apply([good])
      const bad = stored("queued", { job_id: id(2), priority: {} as never })
      assert.throws(() => store.apply([stored("queued", { job_id: id(3) }), bad]))
      assert.deepInclude(store.counts({}), { queued: 1 })
      assert.strictEqual(store.cursor()?.sequence, good.sequence)
    }))
  it("jobs that aged out of the log are dropped with their counts", () =>
    withStore((store) => {
      store.apply([stored("cancelled", { job_id: id(1) }), stored("queued", { job_id: id(2) })])
      assert.strictEqual(store.prune(store.find(id(2))!.sequence, 10), 1)
      assert.deepInclude(store.counts({}), { cancelled: 0, queued: 1 })
    }))
  it("a damaged file is thrown away", () => {
    const dir = mkdtempSync(join(tmpdir(), "darkroom-projection-"))
    writeFileSync(join(dir, "projection.sqlite"), "this is not a database, but it is long enough to look at".repeat(50))
    const store = new Store(dir)
    assert.isUndefined(store.cursor())
    store.close()
    rmSync(dir, { recursive: true })
  })
  it("a second gateway on the same file is refused, and takes nothing away", () =>
    withStore((store, dir) => {
      store.apply([stored("queued", { job_id: id(1) })])
      assert.throws(() => new Store(dir), /locked/)
      assert.isDefined(store.find(id(1)))
    }))
})

const gateway = (state: LogState, dataDir: string) =>
  Projection.layer.pipe(
    Layer.provide(Layer.mock(JobLog)({ state: Effect.succeed(state) })),
    Layer.provide(GatewayConfig.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ DATA_DIR: dataDir })))
  )

describe("Projection", () => {
  const state = { createdAt: "life-1", firstSequence: 1, lastSequence: 2 }
  const at = (event: StoredEvent, sequence: number): StoredEvent => ({ ...event, sequence })
  const withProjection = (body: (projection: Projection["Service"]) => Effect.Effect<void>) => {
    const dir = mkdtempSync(join(tmpdir(), "darkroom-projection-"))
    return Effect.gen(function*() {
      const projection = yield* Projection
      yield* projection.align(state)
      yield* body(projection)
    }).pipe(Effect.provide(gateway(state, dir)), Effect.ensuring(Effect.sync(() => rmSync(dir, { recursive: true }))))
  }
  it.effect("a reader waits until everything that the log holds is applied", () =>
    withProjection(Effect.fnUntraced(function*(projection) {
      const reader = yield* Effect.forkChild(Effect.andThen(projection.catchUp, projection.counts({})))
      yield* projection.apply([at(stored("queued"), 1)])
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(reader.pollUnsafe())
      yield* projection.apply([at(stored("started"), 2)])
      assert.deepInclude(yield* Fiber.join(reader), { queued: 0, processing: 1 })
    })))
  it.effect("forgets everything when the log is another one, and reads it from its first event", () =>
    withProjection(Effect.fnUntraced(function*(projection) {
      yield* projection.apply([at(stored("queued"), 1)])
      assert.strictEqual(yield* projection.align(state), 2)
      assert.strictEqual(yield* projection.align({ ...state, createdAt: "life-2" }), 1)
      assert.deepInclude(yield* projection.counts({}), { queued: 0 })
      assert.deepStrictEqual(yield* projection.cursor, { createdAt: "life-2", sequence: 0 })
    })))
  it.effect("but only a second, and only once for an event that never comes", () =>
    withProjection(Effect.fnUntraced(function*(projection) {
      const reader = yield* Effect.forkChild(projection.catchUp)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(reader)
      yield* projection.catchUp
    })))
})

describe("fits", () => {
  const log = { createdAt: "life-1", firstSequence: 5, lastSequence: 9 }
  it("a cursor within the same life of the stream is kept", () => {
    for (const at of [4, 5, 9]) assert.isTrue(fits({ createdAt: "life-1", sequence: at }, log), String(at))
  })
  it("another life, a sequence beyond the end, and a gap make it start over", () => {
    assert.isFalse(fits(undefined, log))
    assert.isFalse(fits({ createdAt: "life-2", sequence: 7 }, log))
    assert.isFalse(fits({ createdAt: "life-1", sequence: 10 }, log))
    assert.isFalse(fits({ createdAt: "life-1", sequence: 3 }, log))
  })
})
