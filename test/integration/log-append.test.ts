import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { JobRecord } from "../../src/contract/Job.ts"
import { JobEventJson } from "../../src/contract/JobEvent.ts"
import { eventsStream, eventSubject, parseWorkSubject, workStream, workSubjectsOfJob } from "../../src/contract/subjects.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { jobEvent, jobRecord } from "../../src/testing/records.ts"
import {
  cancelCommand,
  completeCommand,
  deleteCommand,
  eventually,
  failCommand,
  live,
  logServices,
  program,
  retryCommand,
  startCommand,
  submit,
  submitCommand
} from "./logServices.ts"

const workOf = (jobId: string) =>
  Effect.gen(function*() {
    const { jsm } = yield* Connection
    const info = yield* Effect.promise(() => jsm.streams.info(workStream, { subjects_filter: workSubjectsOfJob(jobId) }))
    return Object.keys(info.state.subjects ?? {})
  })

layer(logServices(), live)("the log", (it) => {
  it.effect("names: a client, pool and model with dots and blanks is stored and queued under its own names", () =>
    Effect.gen(function*() {
      const view = yield* submit({ client: "a.b", pool: "my pool", model: "qwen.image*>" })
      yield* eventually("queued", Effect.map(workOf(view.record.job_id), (subjects) => subjects.length === 1))
      const parsed = parseWorkSubject((yield* workOf(view.record.job_id))[0]!)
      assert.deepStrictEqual(parsed, {
        pool: "my pool",
        model: "qwen.image*>",
        lane: "p1s0",
        client: "a.b",
        job: view.record.job_id
      })
    }))

  it.effect("names: an event with a token too many is refused instead of stored and never queued", () =>
    Effect.gen(function*() {
      const { js } = yield* Connection
      const error = yield* Effect.flip(Effect.tryPromise(() => js.publish("jobs.x.queued.p.m.p1s0.a.b", "{}", { timeout: 1_000 })))
      assert.include(String(error.cause), "jetstream is not enabled")
    }))

  it.effect("names: WORK republishes a wake-up that names pool, model and lane, and carries no body", () =>
    Effect.gen(function*() {
      const { nc } = yield* Connection
      const wakes: Array<string> = []
      nc.subscribe("wake.wakeful.>", { callback: (_error, msg) => void wakes.push(`${msg.subject} ${msg.data.length}`) })
      yield* submit({ pool: "wakeful", model: "noop", priority: 2 })
      yield* eventually("woken", Effect.sync(() => wakes.length > 0))
      assert.deepStrictEqual(wakes, ["wake.wakeful.noop.p2s0 0"])
    }))

  it.effect("submit: expects that the log does not know the job, so the same id is accepted once", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const command = submitCommand()
      const results = yield* Effect.forEach(
        Array.from({ length: 20 }, () => command),
        (one) => Effect.result(log.append(undefined, one, "/test")),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(results.filter((result) => result._tag === "Success").length, 1)
      for (const result of results) {
        if (result._tag === "Failure") assert.strictEqual(result.failure._tag, "LogConflict")
      }
      assert.strictEqual((yield* log.history(command.record.job_id, 0)).length, 1)
      const again = yield* Effect.flip(log.change(command.record.job_id, command, "/test"))
      assert.deepInclude(again, { _tag: "TransitionRefused", reason: "already_exists" })
    }))

  it.effect("submit: the event is a CloudEvent that binds the record, its id is the message id", () =>
    Effect.gen(function*() {
      const { jsm } = yield* Connection
      const log = yield* JobLog
      const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      const view = yield* submit({ traceparent: trace })
      const stored = yield* Effect.promise(() => jsm.streams.getMessage(eventsStream, { seq: view.last.sequence }))
      assert.strictEqual(stored?.header.get("Nats-Msg-Id"), view.last.event.id)
      const event = Schema.decodeUnknownSync(JobEventJson)(stored?.string())
      assert.deepStrictEqual(event, view.last.event)
      assert.strictEqual(event.subject, view.record.job_id)
      assert.strictEqual(event.source, "/test")
      assert.strictEqual(event.traceparent, trace)
      assert.deepStrictEqual((yield* log.read(view.record.job_id))?.record, view.record)
    }))

  it.effect("headers: a consumer sees the trace and the format without opening the body, in WORK too", () =>
    Effect.gen(function*() {
      const { jsm } = yield* Connection
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      const view = yield* submit({ traceparent })
      yield* eventually("queued", Effect.map(workOf(view.record.job_id), (subjects) => subjects.length === 1))
      const stored = yield* Effect.promise(() => jsm.streams.getMessage(eventsStream, { seq: view.last.sequence }))
      assert.strictEqual(stored?.header.get("traceparent"), view.last.event.traceparent)
      assert.match(stored?.header.get("traceparent") ?? "", /^00-0af7651916cd43dd8448eb211c80319c-/)
      assert.match(stored?.header.get("Content-Type") ?? "", /^application\/cloudevents\+json/)
      const [subject = ""] = yield* workOf(view.record.job_id)
      const work = yield* Effect.promise(() => jsm.streams.getMessage(workStream, { last_by_subj: subject }))
      assert.strictEqual(work?.header.get("traceparent"), view.last.event.traceparent)
    }))

  it.effect("change: every writer compares and swaps over all events of the job; the loser hears of the conflict", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const queued = yield* submit()
      const started = yield* log.append(queued, startCommand(queued), "/agent-1")
      const second = yield* Effect.flip(log.append(queued, startCommand(queued, "agent-2"), "/agent-2"))
      assert.strictEqual(second._tag, "LogConflict")
      assert.strictEqual((yield* log.read(queued.record.job_id))?.record.agent, "agent-1")
      // A gateway decides again on what it then reads.
      const cancelled = yield* log.change(queued.record.job_id, cancelCommand, "/gateway")
      assert.strictEqual(cancelled.record.state, "cancelled")
      const late = yield* Effect.flip(log.append(started, completeCommand(started), "/agent-1"))
      assert.strictEqual(late._tag, "LogConflict")
      const again = yield* Effect.flip(log.change(queued.record.job_id, cancelCommand, "/gateway"))
      assert.deepInclude(again, { _tag: "TransitionRefused", reason: "ended" })
    }))

  it.effect("change: many at once on one job are all decided, one after the other", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const view = yield* submit()
      const moves = Array.from({ length: 8 }, (_, index) => `pool-${index}`)
      yield* Effect.forEach(
        moves,
        (pool) => log.change(view.record.job_id, { _tag: "Move", pool, at: view.record.queued_at }, "/sweeper"),
        { concurrency: "unbounded" }
      )
      assert.strictEqual((yield* log.history(view.record.job_id, 0)).length, 9)
    }))

  it.effect("change: a command made from the record is made again from the newer record; an unknown job is refused", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const view = yield* submit()
      const { jsm } = yield* Connection
      const getMessage = jsm.streams.getMessage.bind(jsm.streams)
      const moved = log.change(view.record.job_id, { _tag: "Move", pool: "else", at: view.record.queued_at }, "/other")
      const run = Effect.runPromiseWith(yield* Effect.context())
      let reads = 0
      Object.assign(jsm.streams, {
        // Somebody moves the job between our read and our append.
        getMessage: async (stream: string, query: never) => {
          const message = await getMessage(stream, query)
          if (++reads === 1) await run(moved)
          return message
        }
      })
      const seen: Array<string> = []
      yield* log.change(view.record.job_id, (current) => {
        seen.push(current.record.pool)
        return cancelCommand
      }, "/test")
      delete (jsm.streams as { getMessage?: unknown }).getMessage
      assert.deepStrictEqual(seen, ["local", "else"])
      const unknown = yield* Effect.flip(log.change(crypto.randomUUID(), () => cancelCommand, "/test"))
      assert.deepInclude(unknown, { _tag: "TransitionRefused", reason: "unknown_job" })
      assert.isUndefined(yield* log.read(crypto.randomUUID()))
    }))

  it.effect("rule 1: the queued sequence is that of the job's latest queued event, repeated by every later event", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const first = yield* submit()
      const started = yield* log.append(first, startCommand(first), "/agent")
      const failed = yield* log.append(started, failCommand(started), "/agent")
      const retried = yield* log.append(failed, retryCommand, "/gateway")
      assert.strictEqual(retried.queuedSequence, retried.last.sequence)
      assert.isUndefined(retried.record.queued_sequence)
      assert.strictEqual((yield* log.read(first.record.job_id))?.queuedSequence, retried.last.sequence)
      const cancelled = yield* log.append(retried, cancelCommand, "/gateway")
      assert.strictEqual(cancelled.queuedSequence, retried.queuedSequence)
      assert.strictEqual((yield* log.read(first.record.job_id))?.queuedSequence, retried.queuedSequence)
      assert.strictEqual((yield* log.read(first.record.job_id))?.record.queued_sequence, retried.queuedSequence)
    }))

  it.effect("rule 4: attempts are counted in the log, so a job that kills its agents ends after three", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      let view = yield* submit()
      for (const agent of ["a", "b", "c"]) {
        view = yield* log.append(view, startCommand(view, agent, true), "/agent")
        assert.strictEqual((yield* log.read(view.record.job_id))?.record.attempts_counted, view.record.attempt)
      }
      const fourth = yield* Effect.flip(log.append(view, startCommand(view, "d", true), "/agent"))
      assert.deepInclude(fourth, { _tag: "TransitionRefused", reason: "attempts_exhausted" })
      const failed = yield* log.append(view, { ...failCommand(view), by: "sweeper" } as never, "/sweeper")
      const retried = yield* log.append(failed, retryCommand, "/gateway")
      assert.strictEqual(retried.record.attempts_counted, 0)
      assert.strictEqual(retried.record.attempt, 3)
    }))

  it.effect("rule 5: a completed job is a fact in the log before anybody acknowledges its message", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const queued = yield* submit()
      yield* eventually("queued", Effect.map(workOf(queued.record.job_id), (subjects) => subjects.length === 1))
      const started = yield* log.append(queued, startCommand(queued), "/agent")
      const done = yield* log.append(started, completeCommand(started), "/agent")
      assert.strictEqual((yield* log.read(queued.record.job_id))?.last.event.id, done.last.event.id)
      assert.strictEqual((yield* workOf(queued.record.job_id)).length, 1)
      // The message that is still there gives no right to run it again.
      const again = yield* Effect.flip(log.append(done, startCommand(done, "agent-2"), "/agent-2"))
      assert.deepInclude(again, { _tag: "TransitionRefused", reason: "ended" })
    }))

  it.effect("tombstone: after the purge it stays, keeps usage and no prompt, and refuses late writers and the same id", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const queued = yield* submit({ prompt: "secret words" })
      const started = yield* log.append(queued, startCommand(queued), "/zombie")
      yield* log.change(queued.record.job_id, cancelCommand, "/gateway")
      const deleted = yield* log.change(queued.record.job_id, deleteCommand, "/gateway")
      yield* log.purgeBehind(queued.record.job_id, deleted.last.sequence)

      const left = yield* log.history(queued.record.job_id, 0)
      assert.deepStrictEqual(left.map((stored) => stored.event.type), ["dev.darkroom.job.deleted.v1"])
      assert.notInclude(JSON.stringify(left), "secret words")
      assert.strictEqual(left[0]?.event.data.client, "key-1")
      const zombie = yield* Effect.flip(log.append(started, completeCommand(started), "/zombie"))
      assert.strictEqual(zombie._tag, "LogConflict")
      const again = yield* Effect.flip(log.append(undefined, submitCommand({ job_id: queued.record.job_id }), "/test"))
      assert.strictEqual(again._tag, "LogConflict")
      const retry = yield* Effect.flip(log.change(queued.record.job_id, retryCommand, "/gateway"))
      assert.deepInclude(retry, { _tag: "TransitionRefused", reason: "deleted" })
    }))

  it.effect("records: fields that this version does not know survive a transition, and a newer schema version decodes", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const { js } = yield* Connection
      const record = {
        ...jobRecord({ job_id: crypto.randomUUID(), schema_version: 7 }),
        a_later_field: { nested: [1, 2] }
      } as JobRecord
      const subject = eventSubject(record.job_id, "queued", { pool: "p", model: "m", lane: "p1s0", client: "c" })
      const event = { ...jobEvent("queued", record), id: crypto.randomUUID(), a_later_attribute: 1 }
      yield* Effect.promise(() => js.publish(subject, JSON.stringify(event)))
      const view = yield* log.read(record.job_id)
      assert.isDefined(view)
      assert.strictEqual(view.record.schema_version, 7)
      yield* log.append(view, cancelCommand, "/test")
      assert.deepInclude((yield* log.read(record.job_id))?.record, { state: "cancelled", a_later_field: { nested: [1, 2] } })
      assert.strictEqual((yield* log.history(record.job_id, 0))[0]?.event["a_later_attribute"], 1)
    }))

  it.effect("ambiguous answers: a publish that is repeated after a lost answer writes once and is not a conflict", () =>
    Effect.gen(function*() {
      const { js } = yield* Connection
      const lossy = loseAnswers(1)
      Object.assign(js, { publish: lossy(js.publish.bind(js)) })
      const log = yield* JobLog
      const view = yield* log.append(undefined, submitCommand(), "/test")
      assert.strictEqual((yield* log.history(view.record.job_id, 0)).length, 1)
      delete (js as { publish?: unknown }).publish
    }).pipe(Effect.provide(program("lossy"))))

  it.effect("ambiguous answers: our own event is recognised in what looks like a conflict, also behind a later one", () =>
    Effect.gen(function*() {
      const { js } = yield* Connection
      const log = yield* JobLog
      const publish = js.publish.bind(js)
      let tries = 0
      Object.assign(js, {
        // The first answer is lost and another writer follows; the broker has forgotten our message id by then.
        publish: async (subject: string, body: string, options: { msgID: string; expect: object }) => {
          tries += 1
          if (tries > 1) return publish(subject, body, { ...options, msgID: crypto.randomUUID() } as never)
          const ack = await publish(subject, body, options as never)
          const record = { ...JSON.parse(body).data, state: "cancelled", queued_sequence: ack.seq }
          const later = eventSubject(record.job_id, "cancelled", { pool: "p", model: "m", lane: "p1s0", client: "c" })
          await publish(later, JSON.stringify({ ...jobEvent("cancelled", record), id: crypto.randomUUID() }))
          throw new Error("timeout")
        }
      })
      const view = yield* log.append(undefined, submitCommand(), "/test")
      assert.strictEqual(tries, 2)
      assert.deepStrictEqual((yield* log.history(view.record.job_id, 0)).map((stored) => stored.sequence), [
        view.last.sequence,
        view.last.sequence + 1
      ])
    }).pipe(Effect.provide(program("recognises"))))

  it.effect("ambiguous answers: without an answer the tries end, and the error says that nobody knows", () =>
    Effect.gen(function*() {
      const { js } = yield* Connection
      const log = yield* JobLog
      let tries = 0
      Object.assign(js, {
        publish: () => {
          tries += 1
          return Promise.reject(new Error("timeout"))
        }
      })
      const error = yield* Effect.flip(log.append(undefined, submitCommand(), "/test"))
      assert.strictEqual(error._tag, "LogUnavailable")
      assert.strictEqual(tries, 7)
    }).pipe(Effect.provide(program("unanswered"))))

  it.effect("names: an id that begins like another id is another job", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const view = yield* submit()
      assert.isUndefined(yield* log.read(view.record.job_id.slice(0, 8)))
    }))
})

/** Passes the call on and then loses the answers of the first calls. */
const loseAnswers = (count: number) => <A extends ReadonlyArray<never>, R>(call: (...args: A) => Promise<R>) => {
  let lost = 0
  return async (...args: A): Promise<R> => {
    const answer = await call(...args)
    if (lost++ < count) throw new Error("timeout")
    return answer
  }
}
