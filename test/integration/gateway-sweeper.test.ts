import { assert, layer } from "@effect/vitest"
import { Clock, ConfigProvider, Effect, Layer, Schedule } from "effect"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { JobRecord } from "../../src/contract/Job.ts"
import { eventNameOf } from "../../src/contract/JobEvent.ts"
import { inputBlobName, outputBlobName } from "../../src/contract/subjects.ts"
import { sha256Hex } from "../../src/gateway/admission/identity.ts"
import { services } from "../../src/gateway/layers.ts"
import { Projection } from "../../src/gateway/projection/Projection.ts"
import { Sweeper } from "../../src/gateway/sweeper/Sweeper.ts"
import { Blobs } from "../../src/platform/blobs/Blobs.ts"
import { JobLog, type JobView } from "../../src/platform/nats/JobLog.ts"
import { Lanes } from "../../src/platform/nats/Lanes.ts"
import { NatsServer } from "../../src/testing/NatsServer.ts"
import { startCommand, submit } from "./logServices.ts"

/** Job-log rule 9 on a real broker: what nobody else is alive to heal. No agent runs here. */

const dir = mkdtempSync(join(tmpdir(), "darkroom-sweeper-"))
writeFileSync(
  join(dir, "pool.yaml"),
  "apiVersion: darkroom.dev/v1alpha1\nkind: GpuPool\nmetadata: {name: local}\nspec: {models: [noop]}\n"
)

const gateway = (name: string) =>
  Sweeper.layer.pipe(
    Layer.provideMerge(services),
    Layer.provide(Layer.unwrap(Effect.map(NatsServer, ({ monitorUrl, url }) =>
      ConfigProvider.layer(ConfigProvider.fromUnknown({
        NATS_URL: url,
        NATS_MONITOR_URL: monitorUrl,
        POOL_FILE: join(dir, "pool.yaml"),
        DATA_DIR: join(dir, name)
      }))))),
    Layer.fresh
  )

const minuteAgo = () => new Date(Date.now() - 60_000).toISOString()
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()

const submitOld = (overrides: Partial<JobRecord> = {}) =>
  submit({ queued_at: minuteAgo(), created_at: minuteAgo(), queue_deadline: inAnHour(), ...overrides })

const until = (check: Effect.Effect<boolean, unknown, any>) =>
  check.pipe(
    Effect.repeat({ until: (done) => done, schedule: Schedule.spaced("50 millis") }),
    Effect.timeout("20 seconds")
  )

const eventsOf = (view: JobView) =>
  Effect.map(JobLog.use((log) => log.history(view.record.job_id, 0)), (events) => events.map(({ event }) => eventNameOf(event.type)))

/** The message that WORK makes of the `queued` event is taken away, as if it had been lost. */
const loseMessage = (view: JobView) =>
  Effect.gen(function*() {
    const lanes = yield* Lanes
    yield* until(lanes.holds(view.record.job_id, view.queuedSequence))
    yield* lanes.purgeJob(view.record.job_id)
  })

const sweep = Effect.gen(function*() {
  yield* (yield* Projection).catchUp
  return yield* (yield* Sweeper).sweep
})

const stateOf = (view: JobView) => Effect.map(JobLog.use((log) => log.read(view.record.job_id)), (view) => view!.record)

layer(Layer.provideMerge(gateway("first"), NatsServer.layer), { timeout: "60 seconds", excludeTestServices: true })("Sweeper", (it) => {
  it.effect("a queued job whose message was lost gets a new one", () =>
    Effect.gen(function*() {
      const view = yield* submitOld()
      yield* loseMessage(view)
      const { changed } = yield* sweep
      assert.deepInclude(changed, { jobId: view.record.job_id, command: "Requeue" })
      const after = (yield* JobLog.use((log) => log.read(view.record.job_id)))!
      assert.isAbove(after.queuedSequence, view.queuedSequence)
      yield* until(Lanes.use((lanes) => lanes.holds(view.record.job_id, after.queuedSequence)))
      assert.notDeepInclude((yield* sweep).changed, { jobId: view.record.job_id, command: "Requeue" })
    }), 60_000)

  it.effect("two sweepers at the same moment change a job once", () =>
    Effect.gen(function*() {
      const views = yield* Effect.forEach(Array.from({ length: 10 }), () => submitOld())
      yield* Effect.forEach(views, loseMessage)
      yield* Effect.all([sweep, sweep.pipe(Effect.provide(gateway("second")))], { concurrency: 2 })
      for (const view of views) assert.deepStrictEqual(yield* eventsOf(view), ["queued", "queued"])
    }), 60_000)

  it.effect("a job queued past its deadline expires, and its message goes", () =>
    Effect.gen(function*() {
      const view = yield* submitOld({ queue_deadline: minuteAgo() })
      yield* until(Lanes.use((lanes) => lanes.holds(view.record.job_id, view.queuedSequence)))
      yield* sweep
      assert.deepInclude(yield* stateOf(view), { state: "failed" })
      assert.strictEqual((yield* stateOf(view)).error?.class, "expired")
      assert.isFalse(yield* Lanes.use((lanes) => lanes.holds(view.record.job_id, view.queuedSequence)))
    }), 60_000)

  it.effect("a running job with neither message nor heartbeat is queued again, and fails when its attempts are used up", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const first = yield* submitOld()
      const worn = yield* submitOld({ attempts_counted: 2, attempt: 2 })
      for (const view of [first, worn]) {
        yield* log.append(view, { ...startCommand(view, "ghost"), at: minuteAgo() } as never, "/test")
        yield* loseMessage(view)
      }
      // The ghost counts as silent only after this gateway has listened for two heartbeat intervals.
      yield* until(Effect.andThen(sweep, Effect.map(stateOf(worn), ({ state }) => state === "failed")))
      assert.strictEqual((yield* stateOf(worn)).error?.class, "agent_lost")
      assert.deepInclude(yield* stateOf(first), { state: "queued", attempts_counted: 1 })
    }), 60_000)

  it.effect("a running job that still has its message is left to the next agent", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const view = yield* submitOld()
      yield* log.append(view, { ...startCommand(view, "ghost"), at: minuteAgo() } as never, "/test")
      yield* until(Lanes.use((lanes) => lanes.holds(view.record.job_id, view.queuedSequence)))
      yield* sweep
      assert.deepInclude(yield* stateOf(view), { state: "processing" })
    }), 60_000)

  it.effect("the message of an ended job is purged, so that it starts no GPU", () =>
    Effect.gen(function*() {
      const log = yield* JobLog
      const view = yield* submitOld()
      yield* until(Lanes.use((lanes) => lanes.holds(view.record.job_id, view.queuedSequence)))
      yield* log.change(view.record.job_id, { _tag: "Cancel", at: minuteAgo() }, "/test")
      yield* until(Effect.andThen(sweep, Effect.map(Lanes.use((lanes) => lanes.holds(view.record.job_id, view.queuedSequence)), (held) => !held)))
    }), 60_000)

  it.effect("a job of a pool that is gone fails as pool_deleted when no other serves its model", () =>
    Effect.gen(function*() {
      const view = yield* submitOld({ pool: "gone", model: "rare" })
      yield* sweep
      assert.strictEqual((yield* stateOf(view)).error?.class, "pool_deleted")
    }), 60_000)

  it.effect("a job of a pool that is gone moves to one that serves its model", () =>
    Effect.gen(function*() {
      yield* Lanes.use((lanes) => lanes.ensure("local", ["noop"]))
      const view = yield* submitOld({ pool: "gone" })
      yield* sweep
      assert.deepInclude(yield* stateOf(view), { state: "queued", pool: "local" })
      const moved = yield* (yield* JobLog).read(view.record.job_id)
      const lanes = yield* Lanes
      assert.isFalse(yield* lanes.holds(view.record.job_id, view.queuedSequence), "the old pool's message is gone")
      yield* lanes.holds(view.record.job_id, moved!.queuedSequence).pipe(Effect.delay("50 millis"), Effect.repeat({ until: (held) => held, times: 100 }))
      assert.isTrue(yield* lanes.holds(view.record.job_id, moved!.queuedSequence), "the new pool's is not")
    }), 60_000)

  it.effect("blobs that no job names go after an hour; those of live and ended jobs stay", () =>
    Effect.gen(function*() {
      const blobs = yield* Blobs
      const bytes = (text: string) => Buffer.from(text)
      const put = (name: string, text: string) => blobs.put(name, bytes(text), sha256Hex(bytes(text)))
      const input = (text: string) => ({
        name: "", sha256: sha256Hex(bytes(text)), bytes: text.length, media_type: "image/png" as const, width: 1, height: 1
      })
      const id = crypto.randomUUID()
      const named = inputBlobName(id, sha256Hex(bytes("named")))
      yield* submitOld({ job_id: id, inputs: [{ ...input("named"), name: named }] })
      const lostAttempt = outputBlobName(id, 1, sha256Hex(bytes("lost attempt")))
      const stray = inputBlobName(crypto.randomUUID(), sha256Hex(bytes("stray")))
      yield* put(named, "named")
      yield* put(lostAttempt, "lost attempt")
      yield* put(stray, "stray")
      const names = Effect.map(blobs.list, (list) => list.map(({ name }) => name))
      const sweeper = yield* Sweeper
      assert.strictEqual(yield* sweeper.sweepBlobs, 0)
      const clock = yield* Clock.Clock
      const later: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (ms) => ms + 2 * 3_600_000)
      })
      const sweepLater = Effect.provideService(sweeper.sweepBlobs, Clock.Clock, later)
      assert.strictEqual(yield* sweepLater, 1)
      assert.sameMembers([...yield* names], [named, lostAttempt])
      yield* JobLog.use((log) => log.change(id, { _tag: "Cancel", at: minuteAgo() }, "/test"))
      yield* sweepLater
      assert.deepStrictEqual(yield* names, [named])
    }), 60_000)
})
