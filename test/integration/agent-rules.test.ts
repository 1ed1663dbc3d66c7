import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Ref } from "effect"
import sharp from "sharp"
import { Blobs } from "../../src/platform/blobs/Blobs.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { LogFull } from "../../src/platform/nats/errors.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { Presence } from "../../src/platform/nats/Presence.ts"
import { Signals } from "../../src/platform/nats/Signals.ts"
import {
  agentInProcess,
  change,
  eventsOf,
  live,
  newPool,
  recordOf,
  rig,
  storeInput,
  submit,
  takeOver,
  until,
  untilNoWork,
  untilState,
  untilStep,
  workLeft
} from "./agentRig.ts"

/** The agent against a real broker with a real engine: the rules of the job log that are the agent's to keep. */


const isoNow = () => new Date().toISOString()
const cancelCommand = () => ({ _tag: "Cancel", at: isoNow() }) as const

const photo = Effect.promise((): Promise<Uint8Array> =>
  sharp({ create: { width: 40, height: 20, channels: 3, background: "#4080c0" } }).png().toBuffer()
)

layer(rig, live)("an agent", (it) => {
  it.effect("claims a job, reports its steps, writes its picture, its end and its acknowledgement", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const agent = yield* agentInProcess(pool)
      const blobs = yield* Blobs
      const job = crypto.randomUUID()
      const stepped = yield* Effect.forkChild(untilStep(job, 3))
      const input = yield* storeInput(job, yield* photo, 40, 20)
      yield* submit(pool, "steps=3", { job_id: job, inputs: [input], parameters: { seed: 7, cfg: 1 } })
      const record = yield* untilState(job, "completed")
      yield* Fiber.join(stepped)
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "completed"])
      assert.deepInclude(record, { agent: agent.agent, attempt: 1, parameters: { seed: 7, cfg: 1, steps: 3 } })
      assert.deepStrictEqual(record.warnings, ["noop does not use cfg; recorded, and without effect."])
      const [output] = record.output?.images ?? []
      assert.deepInclude(output, { width: 40, height: 20, media_type: "image/png" })
      assert.strictEqual(output?.name, `${job}/1/${output?.sha256}`)
      assert.strictEqual((yield* blobs.get(output?.name ?? "")).length, output?.bytes)
      yield* untilNoWork(pool)
      assert.strictEqual((yield* agent.report).state, "READY")
    }))

  it.effect("heartbeats name the claim as soon as it is made, and no longer than it lasts", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const { agent } = yield* agentInProcess(pool)
      const presence = yield* Presence
      const claims = Effect.map(presence.alive(pool), (alive) => alive.find((one) => one.agent === agent)?.claims ?? [])
      const job = yield* submit(pool, "steps=100 ms=20")
      const [claim] = yield* until("claim heard", claims, (all) => all.length === 1)
      const record = yield* recordOf(job)
      assert.deepInclude(claim, { job_id: job, attempt: record.attempt })
      yield* change(job, cancelCommand())
      yield* until("claim gone", claims, (all) => all.length === 0)
    }))

  it.effect("rule 21: it pulls again at once when whoever asked it to drain wants it back", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const signals = yield* Signals
      const { agent } = yield* agentInProcess(pool)
      yield* until("drained", signals.drain({ pool, agent }, "test"), ({ drained }) => drained)
      const job = yield* submit(pool, "steps=1")
      yield* Effect.sleep("1500 millis")
      assert.deepStrictEqual(yield* eventsOf(job), ["queued"])
      yield* signals.resume({ pool, agent }, "test")
      // Sooner than its lease ends.
      yield* untilState(job, "completed", 20)
    }))

  it.effect("heartbeats tell how long the models took, once they are there", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const presence = yield* Presence
      const { agent } = yield* agentInProcess(pool)
      const heard = Effect.map(presence.alive(pool), (alive) => alive.find((one) => one.agent === agent))
      const ready = yield* until("ready", heard, (heartbeat) => heartbeat?.state === "READY")
      assert.isAbove(ready?.load_ms ?? 0, 0, "a process was started")
    }))

  it.effect("is quiet while there is nothing to do: its own empty turn does not wake it", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const { nc } = yield* Connection
      let messages = 0
      for (const subject of ["agents.>", "$JS.API.CONSUMER.MSG.NEXT.>"]) {
        nc.subscribe(subject, { callback: () => void messages++ })
      }
      yield* agentInProcess(pool)
      messages = 0
      yield* Effect.sleep("3 seconds")
      // Nine lanes a second and a heartbeat every two; a loop without a pause makes thousands.
      assert.isBelow(messages, 100)
    }))

  it.effect("rule 1: drops the message of a job that has ended, and of an earlier queued", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const cancelled = yield* submit(pool, "steps=1")
      yield* change(cancelled, cancelCommand())
      const retried = yield* submit(pool, "steps=1 size=4x4")
      yield* change(retried, { _tag: "Fail", by: "sweeper", error: { class: "agent_lost", message: "" }, at: isoNow() })
      yield* change(retried, { _tag: "Retry", share: 0, at: isoNow(), queueDeadline: new Date(Date.now() + 60_000).toISOString() })
      yield* until("three messages", workLeft(pool), (depth) => depth === 3)
      yield* agentInProcess(pool)
      yield* untilState(retried, "completed")
      yield* untilNoWork(pool)
      assert.deepStrictEqual(yield* eventsOf(cancelled), ["queued", "cancelled"])
      assert.deepStrictEqual(yield* eventsOf(retried), ["queued", "failed", "queued", "started", "completed"])
    }))

  it.effect("rule 2: leaves a job alone whose owner is heard, and keeps its message", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const job = yield* submit(pool, "steps=1")
      yield* takeOver(job, "somebody")
      const { said } = yield* agentInProcess(pool, { presence: (presence) => ({ ...presence, isSilent: () => Effect.succeed(false) }) })
      yield* until("it said something", said, (all) => all.length > 0)
      assert.deepStrictEqual((yield* said).map(({ what }) => what), ["nak 30000"])
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started"])
    }))

  it.effect("rule 2: takes over from a silent owner with the next attempt", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const job = yield* submit(pool, "steps=1 size=4x4")
      yield* takeOver(job, "somebody")
      yield* agentInProcess(pool, { presence: (presence) => ({ ...presence, isSilent: () => Effect.succeed(true) }) })
      const record = yield* untilState(job, "completed")
      assert.deepInclude(record, { attempt: 2, attempts_counted: 2 })
    }))

  it.effect("rule 3: a claim lost to a faster writer is followed by silence", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const outside = yield* JobLog
      const { said } = yield* agentInProcess(pool, {
        // The job is cancelled by somebody else between the agent's read and its append.
        jobLog: (log, note) => ({
          ...log,
          append: (view, command, source) =>
            Effect.andThen(
              command._tag === "Start" && view !== undefined
                ? Effect.andThen(Effect.orDie(outside.change(view.record.job_id, cancelCommand(), "/test")), note("raced", view.record.job_id))
                : Effect.void,
              log.append(view, command, source)
            )
        })
      })
      const job = yield* submit(pool, "steps=1")
      yield* until("raced", said, (all) => all.some(({ what }) => what === "raced"))
      // The next job goes through, so the first was fully dealt with.
      yield* Effect.sleep("1500 millis")
      assert.deepStrictEqual((yield* said).filter((one) => one.job === job).map(({ what }) => what), ["raced"])
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "cancelled"])
    }))

  it.effect("rule 3: a result that comes too late is refused, its picture removed, and nothing is said", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const outside = yield* JobLog
      const blobs = yield* Blobs
      const { report, said } = yield* agentInProcess(pool, {
        // Another agent takes over just before the result is appended.
        jobLog: (log) => ({
          ...log,
          append: (view, command, source) =>
            Effect.andThen(
              command._tag === "Complete" && view !== undefined
                ? Effect.orDie(outside.change(view.record.job_id, (now) => ({ _tag: "Start", agent: "other", queuedSequence: now.queuedSequence, silent: true, at: isoNow() }), "/test"))
                : Effect.void,
              log.append(view, command, source)
            )
        })
      })
      const job = yield* submit(pool, "steps=1 size=4x4")
      yield* until("taken over", recordOf(job), (record) => record.agent === "other")
      yield* until("free again", report, ({ state }) => state === "READY")
      assert.deepStrictEqual((yield* said).filter(({ what }) => what !== "working"), [])
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "started"])
      assert.deepStrictEqual((yield* blobs.list).filter(({ name }) => name.startsWith(`${job}/1/`)), [])
    }))

  it.effect("rule 3: re-reads the record, and stops without a word when the job is another's", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const { report, said } = yield* agentInProcess(pool)
      const job = yield* submit(pool, "steps=1000 ms=20")
      yield* untilStep(job, 2)
      yield* until("renewed", said, (all) => all.some(({ what }) => what === "working"))
      yield* takeOver(job)
      const before = (yield* said).length
      yield* until("free again", report, ({ state }) => state === "READY", 10)
      const after = (yield* said).slice(before)
      // At most the renewal that had already read the record.
      assert.isTrue(after.length <= 1 && after.every(({ what }) => what === "working"), JSON.stringify(after))
      assert.strictEqual((yield* recordOf(job)).agent, "other")
    }))

  it.effect("rule 4: a crash of the engine is another attempt of the same agent, three in all", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const { agent } = yield* agentInProcess(pool)
      const job = yield* submit(pool, "steps=4 crash_at=3")
      const record = yield* untilState(job, "failed", 30)
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "started", "started", "failed"])
      assert.deepInclude(record, { agent, attempt: 3, attempts_counted: 3 })
      assert.strictEqual(record.error?.class, "model_error")
      assert.include(record.error?.message ?? "", "step 3 of 4")
      yield* untilNoWork(pool)
    }))

  it.effect("rule 4: fails a job that three agents were lost with", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const job = yield* submit(pool, "steps=1")
      for (const name of ["a", "b", "c"]) yield* takeOver(job, name)
      yield* agentInProcess(pool, { presence: (presence) => ({ ...presence, isSilent: () => Effect.succeed(true) }) })
      const record = yield* untilState(job, "failed")
      assert.strictEqual(record.error?.class, "agent_lost")
      yield* untilNoWork(pool)
    }))

  it.effect("a model's failures have their class, are final, and leave the agent ready", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const { report } = yield* agentInProcess(pool, { engine: { memoryMaxBytes: 300 * 1024 ** 2 } })
      const expected = [
        ["steps=3 fail_at=2", "model_error", {}],
        ["steps=3 invalid_at=1", "invalid_input", {}],
        ["steps=3 hang_at=2", "timeout", { timeout_s: 0.5 }],
        ["steps=3 oom_at=2", "out_of_memory", {}]
      ] as const
      for (const [prompt, errorClass, overrides] of expected) {
        const job = yield* submit(pool, prompt, overrides)
        const record = yield* untilState(job, "failed")
        assert.strictEqual(record.error?.class, errorClass, prompt)
        assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "failed"])
      }
      const job = yield* submit(pool, "steps=1", { inputs: [{ name: "gone", sha256: "0".repeat(64), bytes: 1, media_type: "image/png", width: 1, height: 1 }] })
      assert.strictEqual((yield* untilState(job, "failed")).error?.class, "invalid_input")
      yield* untilNoWork(pool)
      yield* until("ready", report, ({ state }) => state === "READY")
    }))

  it.effect("rule 5: the picture, then the event that names it, then the acknowledgement", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const { said } = yield* agentInProcess(pool, {
        jobLog: (log, note) => ({
          ...log,
          append: (view, command, source) =>
            Effect.tap(log.append(view, command, source), (now) => note(command._tag, now.record.job_id))
        }),
        blobs: (blobs, note) => ({
          ...blobs,
          put: (name, bytes, sha256) => Effect.tap(blobs.put(name, bytes, sha256), () => note("put", name.split("/")[0] ?? ""))
        })
      })
      const job = yield* submit(pool, "steps=1 size=4x4")
      yield* until("acknowledged", said, (all) => all.some(({ what }) => what === "ack"))
      assert.deepStrictEqual((yield* said).filter((one) => one.job === job).map(({ what }) => what), ["Start", "put", "Complete", "ack"])
    }))

  it.effect("rule 5: without room the result is kept, the claim renewed, and nothing new claimed", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const presence = yield* Presence
      const full = yield* Ref.make(true)
      const { agent, said } = yield* agentInProcess(pool, {
        jobLog: (log, note) => ({
          ...log,
          append: (view, command, source) =>
            Effect.flatMap(Ref.get(full), (isFull) =>
              isFull && command._tag === "Complete"
                ? Effect.andThen(note("refused", view?.record.job_id ?? ""), Effect.fail(new LogFull({ stream: "EVENTS" })))
                : log.append(view, command, source))
        })
      })
      const job = yield* submit(pool, "steps=1 size=4x4")
      yield* until("refused twice", said, (all) => all.filter(({ what }) => what === "refused").length >= 2)
      const next = yield* submit(pool, "steps=1 size=4x4")
      yield* until("renewed meanwhile", said, (all) => all.some(({ what }) => what === "working"))
      const alive = yield* presence.alive(pool)
      assert.deepInclude(alive.find((one) => one.agent === agent)?.claims[0], { job_id: job })
      assert.deepStrictEqual(yield* eventsOf(next), ["queued"])
      yield* Ref.set(full, false)
      yield* untilState(job, "completed")
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "completed"])
      yield* untilState(next, "completed")
    }))

  it.effect("a cancelled job stops at its next step, and the engine lives on", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const signals = yield* Signals
      const { report } = yield* agentInProcess(pool)
      const job = yield* submit(pool, "steps=1000 ms=20")
      yield* untilStep(job, 2)
      yield* change(job, cancelCommand())
      yield* signals.cancel(job)
      yield* until("free again", report, ({ state }) => state === "READY", 10)
      assert.deepStrictEqual((yield* report).models_loaded, ["noop"])
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "cancelled"])
      yield* untilNoWork(pool)
    }))

  it.effect("a lost cancel signal, and a run deaf to it, end by the record and the hard stop", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const { report } = yield* agentInProcess(pool, { engine: { cancelHardStopMs: 500 } })
      const job = yield* submit(pool, "steps=10 hang_at=3")
      yield* untilStep(job, 2)
      yield* change(job, cancelCommand())
      yield* until("free again", report, ({ job_id }) => job_id === null, 10)
      yield* untilNoWork(pool)
      yield* submit(pool, "steps=1 size=4x4").pipe(Effect.flatMap((next) => untilState(next, "completed")))
    }))

  it.effect("a bug costs the job an attempt, and the agent nothing", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const { report } = yield* agentInProcess(pool, {
        jobLog: (log) => ({
          ...log,
          append: (view, command, source) =>
            view?.record.prompt.includes("bug") && command._tag === "Complete" ? Effect.die("a bug") : log.append(view, command, source)
        })
      })
      const job = yield* submit(pool, "steps=1 size=4x4 bug")
      yield* until("started", eventsOf(job), (events) => events.includes("started"))
      yield* until("free again", report, ({ job_id, state }) => state === "READY" && job_id === null)
      const next = yield* submit(pool, "steps=1 size=4x4")
      yield* untilState(next, "completed")
    }))

  it.effect("rule 21: a drain request stops the pulling, and is confirmed when nothing is held", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const signals = yield* Signals
      const presence = yield* Presence
      const { agent, report } = yield* agentInProcess(pool)
      const job = yield* submit(pool, "steps=1000 ms=20")
      yield* untilStep(job, 1)
      assert.deepStrictEqual(yield* signals.drain({ pool, agent }, "test"), { agent, drained: false, claims: 1 })
      const heard = Effect.map(presence.alive(pool), (alive) => alive.find((one) => one.agent === agent))
      yield* until("draining heard", heard, (heartbeat) => heartbeat?.draining === true)
      yield* change(job, cancelCommand())
      yield* until("drained", signals.drain({ pool, agent }, "test"), ({ drained }) => drained)
      const waiting = yield* submit(pool, "steps=1")
      yield* Effect.sleep("2500 millis")
      assert.deepStrictEqual(yield* eventsOf(waiting), ["queued"])
      assert.strictEqual((yield* report).state, "DRAINING")
    }))
})
