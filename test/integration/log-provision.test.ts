import { assert, describe, it } from "@effect/vitest"
import { JetStreamApiError, type StreamConfig } from "@nats-io/jetstream"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll } from "vitest"
import { eventsStream, parseWorkSubject, workStream } from "../../src/contract/subjects.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { defaultLogSettings, type LogSettings } from "../../src/platform/nats/LogSettings.ts"
import { ensureLog, inspectLog, logReady, restoreWork } from "../../src/platform/nats/provision.ts"
import { blobsStream, eventsConfig, keysStream, workConfig } from "../../src/platform/nats/streams.ts"
import { type RunningNatsServer, startNatsServer } from "../../src/testing/NatsServer.ts"
import { cancelCommand, completeCommand, environmentOf, eventually, startCommand, submit } from "./logServices.ts"

let server: RunningNatsServer
beforeAll(async () => {
  server = await startNatsServer()
})
afterAll(() => server.stop())

const settings = (overrides: Partial<LogSettings> = {}): LogSettings => ({
  ...defaultLogSettings,
  monitorUrls: [server.monitorUrl],
  ...overrides
})

const connection = (name: string) => Connection.layer(name).pipe(Layer.provide(environmentOf(server)), Layer.fresh)

/** On a broker without any stream, as a program of its own. */
const fresh = <A, E>(effect: Effect.Effect<A, E, Connection | JobLog>) =>
  Effect.gen(function*() {
    const { jsm } = yield* Connection
    yield* Effect.promise(async () => {
      for await (const stream of jsm.streams.list()) await jsm.streams.delete(stream.config.name)
    })
    return yield* effect
  }).pipe(Effect.provide(JobLog.layer.pipe(Layer.provideMerge(Layer.suspend(() => connection("provision-test"))))))

const add = (config: Partial<StreamConfig> & { readonly name: string }) =>
  Connection.use(({ jsm }) => Effect.promise(() => jsm.streams.add(config)))

const configOf = (name: string) =>
  Connection.use(({ jsm }) => Effect.map(Effect.promise(() => jsm.streams.info(name)), (info) => info.config))

const problemsOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.strictEqual(error._tag, "MisconfiguredLog")
    return (error as unknown as { readonly problems: ReadonlyArray<string> }).problems
  })

describe("the streams", () => {
  it.live("are made once, by several programs at the same moment, and then found as they should be", () =>
    fresh(Effect.gen(function*() {
      const programs = ["a", "b", "c", "d"].map((name) => ensureLog(settings()).pipe(Effect.provide(connection(name))))
      const warnings = yield* Effect.all(programs, { concurrency: "unbounded" })
      assert.deepStrictEqual(warnings.flat(), [])
      assert.deepStrictEqual(yield* ensureLog(settings()), [])
      assert.strictEqual((yield* configOf(eventsStream)).discard, "new")
      assert.strictEqual((yield* configOf(workStream)).retention, "workqueue")
      for (const name of [blobsStream, keysStream]) assert.strictEqual((yield* configOf(name)).storage, "file")
    })))

  it.live("are made as soon as the broker has a leader; programs that start with it wait for that", () =>
    fresh(Effect.gen(function*() {
      const { jsm } = yield* Connection
      const getAccountInfo = jsm.getAccountInfo.bind(jsm)
      let asked = 0
      const noLeader = { code: 503, err_code: 10008, description: "JetStream system temporarily unavailable" }
      Object.assign(jsm, {
        getAccountInfo: () => (++asked < 3 ? Promise.reject(new JetStreamApiError(noLeader)) : getAccountInfo())
      })
      yield* Effect.scoped(Layer.build(logReady.pipe(Layer.provide(environmentOf(server)))))
      assert.strictEqual(asked, 3)
      assert.strictEqual((yield* configOf(eventsStream)).name, eventsStream)
    })))

  it.live("that are wrong are named, each by stream and field", () =>
    fresh(Effect.gen(function*() {
      yield* add({ ...eventsConfig(settings()), subjects: ["jobs.>"], discard: "old" })
      yield* add({ ...workConfig(settings()), sources: [{ name: eventsStream }], max_msgs_per_subject: 1 })
      const problems = yield* problemsOf(ensureLog(settings()))
      assert.lengthOf(problems, 4)
      assert.isTrue(problems.some((problem) => problem.startsWith("EVENTS: subjects is [\"jobs.>\"]")))
      assert.isTrue(problems.some((problem) => problem.startsWith("EVENTS: discard")))
      assert.isTrue(problems.some((problem) => problem.startsWith("WORK: sources")))
      assert.isTrue(problems.some((problem) => problem.startsWith("WORK: max_msgs_per_subject")))
    })))

  it.live("with another retention or in memory are refused", () =>
    fresh(Effect.gen(function*() {
      yield* add({ ...workConfig(settings()), retention: "limits" })
      yield* add({ ...eventsConfig(settings()), storage: "memory", max_bytes: 1_000_000 })
      const problems = yield* problemsOf(ensureLog(settings({ eventsMaxBytes: 1_000_000 })))
      assert.isTrue(problems.some((problem) => problem.startsWith("WORK: retention is \"limits\"")))
      assert.isTrue(problems.some((problem) => problem.startsWith("EVENTS: storage is \"memory\"")))
    })))

  it.live("of another size or without wake-ups are used, with a warning that names the field", () =>
    fresh(Effect.gen(function*() {
      const { republish: _republish, ...silent } = workConfig(settings())
      yield* add(silent)
      yield* ensureLog(settings())
      const warnings = yield* ensureLog(settings({ eventsMaxBytes: 5_000_000 }))
      assert.lengthOf(warnings, 2)
      assert.isTrue(warnings.some((warning) => warning.startsWith("EVENTS: max_bytes is 1073741824, Darkroom needs 5000000")))
      assert.isTrue(warnings.some((warning) => warning.startsWith("WORK: republish is null")))
      assert.deepStrictEqual(yield* inspectLog(settings({ eventsMaxBytes: 5_000_000 })), warnings)
    })))

  it.live("that do not fit into the server's store are refused with what to change", () =>
    fresh(Effect.gen(function*() {
      const problems = yield* problemsOf(ensureLog(settings({ blobsMaxBytes: 100 * 1024 ** 3 })))
      assert.lengthOf(problems, 1)
      assert.include(problems[0], "OBJ_IMAGES: the server has no room")
      assert.include(problems[0], "max_file_store")
    })))
})

describe("replicas", () => {
  it.live("that the servers cannot give are refused with the server's own words", () =>
    fresh(Effect.gen(function*() {
      const problems = yield* problemsOf(ensureLog(settings({ replicas: 3 })))
      assert.include(problems[0], "EVENTS: the server refuses to make it")
      assert.include(problems[0], "replicas > 1 not supported in non-clustered mode")
    })))
})

describe("rule 7: ages", () => {
  it.live("a configured blob age that is not longer than queue TTL + 4 × job timeout is refused", () =>
    fresh(Effect.gen(function*() {
      const hour = 3_600_000
      const limits = { queueTtlMs: hour, jobTimeoutMs: hour, blobMaxAgeMs: 5 * hour, eventsMaxAgeMs: 6 * hour }
      assert.include((yield* problemsOf(ensureLog(settings(limits))))[0], "DARKROOM_BLOB_MAX_AGE (5 h)")
      yield* ensureLog(settings({ ...limits, blobMaxAgeMs: 5 * hour + 1 }))
    })))

  it.live("a blob age that is not shorter than the log's is refused, also when only the existing stream says so", () =>
    fresh(Effect.gen(function*() {
      const problems = yield* problemsOf(ensureLog(settings({ eventsMaxAgeMs: defaultLogSettings.blobMaxAgeMs })))
      assert.include(problems[0], "DARKROOM_EVENTS_MAX_AGE")
      const nanosPerHour = 3_600_000_000_000
      yield* add({ ...eventsConfig(settings()), max_age: 2 * nanosPerHour })
      assert.isTrue((yield* problemsOf(ensureLog(settings()))).some((problem) => problem.startsWith("DARKROOM_EVENTS_MAX_AGE (2 h)")))
    })))
})

describe("rule 18: WORK after a restore", () => {
  const waitingJobs = Connection.use(({ jsm }) =>
    Effect.map(
      Effect.promise(() => jsm.streams.info(workStream, { subjects_filter: ">" })),
      (info) => Object.keys(info.state.subjects ?? {}).map((subject) => parseWorkSubject(subject)?.job ?? "")
    ))

  const history = Effect.gen(function*() {
    const log = yield* JobLog
    const end = (count: number) =>
      Effect.forEach(Array.from({ length: count }), () =>
        submit().pipe(Effect.flatMap((view) => log.append(view, cancelCommand, "/test"))))
    yield* end(20)
    const waiting = yield* submit()
    yield* end(3)
    const running = yield* submit()
    const started = yield* log.append(running, startCommand(running), "/agent")
    const done = yield* submit()
    const doneStarted = yield* log.append(done, startCommand(done), "/agent")
    yield* log.append(doneStarted, completeCommand(doneStarted), "/agent")
    return { waiting, running: started }
  })

  it.live("begins at the oldest unfinished job instead of queueing the whole history again", () =>
    fresh(Effect.gen(function*() {
      yield* ensureLog(settings())
      const { running, waiting } = yield* history
      const from = yield* restoreWork(settings())
      assert.strictEqual(from, waiting.last.sequence)
      yield* eventually("both are queued", Effect.map(waitingJobs, (jobs) =>
        jobs.includes(waiting.record.job_id) && jobs.includes(running.record.job_id)))
      // The 20 that had ended before are not there; the five behind are dropped by whoever claims them.
      assert.lengthOf(yield* waitingJobs, 6)
      assert.deepStrictEqual(yield* ensureLog(settings()), [])
    })))

  it.live("a program that finds EVENTS with a history and no WORK does the same by itself", () =>
    fresh(Effect.gen(function*() {
      const { jsm } = yield* Connection
      yield* ensureLog(settings())
      const { waiting } = yield* history
      yield* Effect.promise(() => jsm.streams.delete(workStream))
      yield* ensureLog(settings())
      assert.strictEqual((yield* configOf(workStream)).sources?.[0]?.opt_start_seq, waiting.last.sequence)
    })))

  it.live("with nothing unfinished nothing is queued, and what comes later is", () =>
    fresh(Effect.gen(function*() {
      const log = yield* JobLog
      yield* ensureLog(settings())
      yield* log.append(yield* submit(), cancelCommand, "/test")
      assert.strictEqual(yield* restoreWork(settings()), 3)
      const later = yield* submit()
      yield* eventually("the later job is queued", Effect.map(waitingJobs, (jobs) => jobs.length > 0))
      assert.deepStrictEqual(yield* waitingJobs, [later.record.job_id])
    })))
})

describe("the server", () => {
  const onServer = <A, E>(
    options: Parameters<typeof startNatsServer>[0],
    environment: Record<string, string>,
    use: (monitorUrl: string) => Effect.Effect<A, E, Connection>
  ) =>
    Effect.acquireUseRelease(
      Effect.promise(() => startNatsServer(options)),
      (other) => use(other.monitorUrl).pipe(Effect.provide(Connection.layer("other").pipe(Layer.provide(environmentOf(other, environment))))),
      (other) => Effect.promise(() => other.stop())
    )

  it.live("that syncs every two minutes is named with its address; one that cannot be asked is named too", () =>
    onServer({ syncInterval: "2m" }, {}, Effect.fnUntraced(function*(monitorUrl) {
      const warnings = yield* ensureLog({ ...defaultLogSettings, monitorUrls: [monitorUrl] })
      assert.lengthOf(warnings, 1)
      assert.include(warnings[0], `sync_interval of the server at ${monitorUrl} is not "always"`)
      assert.include((yield* inspectLog(defaultLogSettings))[0], "could not be checked: set NATS_MONITOR_URL")
      const gone = yield* inspectLog({ ...defaultLogSettings, monitorUrls: ["http://127.0.0.1:1"] })
      assert.include(gone[0], "http://127.0.0.1:1/jsz did not answer")
    })))

  it.live("that gives the account no JetStream is refused", () =>
    onServer(
      { config: "accounts { A { users [{ user: a, password: a }] }, B { jetstream: enabled, users [{ user: b, password: b }] } }" },
      { NATS_USER: "a", NATS_PASSWORD: "a" },
      Effect.fnUntraced(function*() {
        assert.include((yield* problemsOf(ensureLog(defaultLogSettings)))[0], "without JetStream")
      })
    ))
})
