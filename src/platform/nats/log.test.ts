import { assert, describe, it } from "@effect/vitest"
import { JetStreamApiError } from "@nats-io/jetstream"
import { ConfigProvider, Effect } from "effect"
import { jobRecord } from "../../testing/records.ts"
import { eventSubject } from "../../contract/subjects.ts"
import { isFull } from "./Capacity.ts"
import { compareStream } from "./compareStreams.ts"
import { envelop, subjectOf } from "./eventEnvelope.ts"
import { generateKey, hashesEqual, idOf, keyProblem, sha256Of } from "./keyFormat.ts"
import { ageProblems, defaultLogSettings, logSettings } from "./LogSettings.ts"
import { failureOf } from "./natsErrors.ts"
import { isAtLeast, serverVersionMin } from "./serverChecks.ts"
import { desiredStreams, workConfig } from "./streams.ts"
import { UnfinishedJobs } from "./UnfinishedJobs.ts"

describe("settings", () => {
  it.effect("come from the environment, with units in their names, and default to a laptop", () =>
    Effect.gen(function*() {
      const read = (values: Record<string, string>) => logSettings.parse(ConfigProvider.fromUnknown(values))
      assert.deepStrictEqual(yield* read({}), defaultLogSettings)
      const set = yield* read({
        DARKROOM_REPLICAS: "3",
        DARKROOM_EVENTS_MAX_BYTES: "1000",
        DARKROOM_BLOB_MAX_AGE: "36h",
        QUEUE_TTL: "1h30m",
        NATS_MONITOR_URL: "http://a:8222, http://b:8222"
      })
      assert.deepInclude(set, {
        replicas: 3,
        eventsMaxBytes: 1000,
        blobMaxAgeMs: 36 * 3_600_000,
        queueTtlMs: 5_400_000,
        monitorUrls: ["http://a:8222", "http://b:8222"]
      })
    }))

  it("rule 7: the defaults obey it, and each end of it is named when it does not hold", () => {
    assert.deepStrictEqual(ageProblems(defaultLogSettings), [])
    assert.match(ageProblems({ ...defaultLogSettings, jobTimeoutMs: 7 * 24 * 900_000 * 4 })[0]!, /^DARKROOM_BLOB_MAX_AGE/)
    assert.match(ageProblems({ ...defaultLogSettings, blobMaxAgeMs: Number.POSITIVE_INFINITY })[0]!, /^DARKROOM_EVENTS_MAX_AGE/)
    assert.deepStrictEqual(ageProblems({ ...defaultLogSettings, eventsMaxAgeMs: Number.POSITIVE_INFINITY }), [])
  })
})

describe("streams", () => {
  it("WORK never limits messages per subject, and every stream refuses instead of dropping", () => {
    for (const stream of desiredStreams(defaultLogSettings)) {
      assert.strictEqual(stream.discard, "new")
      assert.strictEqual(stream.storage, "file")
      assert.isAbove(stream.max_bytes, 0)
    }
    assert.isUndefined(workConfig(defaultLogSettings).max_msgs_per_subject)
    assert.isUndefined(workConfig(defaultLogSettings).subjects)
  })

  it("equal what the broker reports with its defaults; where WORK began does not matter", () => {
    for (const stream of desiredStreams(defaultLogSettings)) {
      const reported = { max_msgs: -1, max_age: 0, max_msg_size: -1, max_msgs_per_subject: -1, subjects: [], ...stream }
      assert.deepStrictEqual(compareStream(reported, stream), { fatal: [], warnings: [] })
    }
    assert.deepStrictEqual(compareStream(workConfig(defaultLogSettings, 77), workConfig(defaultLogSettings)).fatal, [])
  })
})

describe("the server's version", () => {
  it("is compared number by number", () => {
    assert.isTrue(["2.14.7", "2.14.10", "2.15.0", "3.0.0", "v2.15.2-beta.1"].every((version) => isAtLeast(version, serverVersionMin)))
    assert.isFalse(["2.14.6", "2.9.99", "1.99.0", "unknown"].some((version) => isAtLeast(version, serverVersionMin)))
  })
})

describe("answers of the broker", () => {
  const answer = (err_code: number, code = 400) => failureOf(new JetStreamApiError({ err_code, code, description: "x" }))
  it("are told apart once: conflict, full, rejected; everything else may or may not have been written", () => {
    assert.deepStrictEqual([10071, 10164].map((code) => answer(code)), ["conflict", "conflict"])
    assert.deepStrictEqual([10077, 10047].map((code) => answer(code)), ["full", "full"])
    assert.strictEqual(answer(10060), "rejected")
    assert.deepStrictEqual([answer(10008, 503), answer(10158), answer(10167, 429)], ["ambiguous", "ambiguous", "ambiguous"])
    assert.strictEqual(failureOf(new Error("timeout")), "ambiguous")
  })
})

describe("the envelope", () => {
  const facts = { id: "e1", source: "/gateway", at: "2026-01-02T03:04:05.000Z", traceparent: undefined, queuedSequence: 7 }
  const trace = (id: string, span: string) => `00-${id.repeat(32)}-${span.repeat(16)}-01`

  it("names the queued event in every record but that of a queued event", () => {
    const record = jobRecord({ queued_sequence: 3 })
    assert.strictEqual(envelop({ event: "cancelled", record: jobRecord() }, facts).data.queued_sequence, 7)
    assert.isUndefined(envelop({ event: "queued", record }, facts).data.queued_sequence)
  })

  it("carries the appending span when that belongs to the job's trace, else the job's own", () => {
    const record = jobRecord({ traceparent: trace("a", "1") })
    const of = (current?: string) => envelop({ event: "cancelled", record }, { ...facts, traceparent: current }).traceparent
    assert.strictEqual(of(trace("a", "2")), trace("a", "2"))
    assert.strictEqual(of(trace("b", "2")), trace("a", "1"))
    assert.strictEqual(of(), trace("a", "1"))
  })

  it("goes to the subject of its record, lane and all", () => {
    const record = jobRecord({ priority: 2, share: 1, client: "a.b" })
    assert.strictEqual(subjectOf({ event: "queued", record }), `jobs.${record.job_id}.queued.local.noop.p2s1.a_2eb`)
  })
})

describe("rule 18: unfinished jobs", () => {
  const route = { pool: "p", model: "m", lane: "p1s0", client: "c" }
  it("are those whose last word is not an end; the oldest queued counts, a later one replaces it", () => {
    const jobs = new UnfinishedJobs()
    assert.strictEqual(jobs.oldest(0), 1)
    jobs.take(1, eventSubject("a", "queued", route))
    jobs.take(2, eventSubject("b", "queued", route))
    jobs.take(3, eventSubject("a", "started", route))
    jobs.take(4, eventSubject("a", "released", route))
    assert.strictEqual(jobs.oldest(4), 1)
    jobs.take(5, eventSubject("a", "queued", route))
    assert.strictEqual(jobs.oldest(5), 2)
    jobs.take(6, eventSubject("b", "failed", route))
    assert.strictEqual(jobs.oldest(6), 5)
    for (const event of ["completed", "cancelled", "deleted"] as const) jobs.take(7, eventSubject("a", event, route))
    jobs.take(8, "something.else")
    assert.strictEqual(jobs.oldest(8), 9)
  })
})

describe("rule 6: full", () => {
  it("is 85 % of a limit; without a limit nothing is full", () => {
    assert.isFalse(isFull(84, 100))
    assert.isTrue(isFull(85, 100))
    assert.isFalse(isFull(1e12, -1))
  })
})

describe("keys", () => {
  it("are random, carry a checksum that finds every single mistyped character, and have no two equal ids", () => {
    const keys = Array.from({ length: 50 }, generateKey)
    assert.strictEqual(new Set(keys.map((key) => idOf(sha256Of(key)))).size, 50)
    for (const key of keys) assert.isUndefined(keyProblem(key))
    const key = keys[0]!
    for (let i = 4; i < key.length; i++) {
      assert.isDefined(keyProblem(`${key.slice(0, i)}${key[i] === "x" ? "y" : "x"}${key.slice(i + 1)}`))
    }
    assert.isUndefined(keyProblem("sixteen-is-quite"))
    assert.isDefined(keyProblem("fifteen-is-not!"))
  })

  it("are compared as hashes of equal length", () => {
    const [a, b] = [sha256Of("a"), sha256Of("b")]
    assert.deepStrictEqual([hashesEqual(a, a), hashesEqual(a, b), hashesEqual(a, a.slice(2))], [true, false, false])
  })
})
