import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { afterAll, beforeAll } from "vitest"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { defaultLogSettings } from "../../src/platform/nats/LogSettings.ts"
import { ensureLog } from "../../src/platform/nats/provision.ts"
import { startCluster } from "../../src/testing/NatsServer.ts"
import { cancelCommand, startCommand, submit, submitCommand } from "./logServices.ts"

let cluster: Awaited<ReturnType<typeof startCluster>>
beforeAll(async () => {
  cluster = await startCluster(3)
})
afterAll(() => cluster.stop())

/** A program that talks to one server of the cluster. */
const onServer = (index: number) =>
  JobLog.layer.pipe(
    Layer.provideMerge(Connection.layer(`server-${index}`)),
    Layer.provide(Layer.suspend(() => ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: cluster.urls[index] ?? "" })))),
    Layer.fresh
  )

const settings = () => ({ ...defaultLogSettings, replicas: 3, monitorUrls: cluster.servers.map((server) => server.monitorUrl) })

/** The same effect on three servers at once. */
const race = <A, E>(effect: Effect.Effect<A, E, JobLog>) =>
  Effect.all([0, 1, 2].map((index) => Effect.result(effect).pipe(Effect.provide(onServer(index)))), { concurrency: "unbounded" })

describe("three servers", () => {
  it.live("are provisioned with three replicas, without warnings; fewer are named", () =>
    Effect.gen(function*() {
      const warnings = yield* ensureLog(settings())
      assert.deepStrictEqual(warnings, [])
      const { jsm } = yield* Connection
      yield* Effect.promise(() => jsm.streams.update("OBJ_IMAGES", { num_replicas: 1 }))
      const weaker = yield* ensureLog(settings())
      assert.isTrue(weaker.some((warning) => warning.startsWith("OBJ_IMAGES: 1 of 3 replicas")))
    }).pipe(Effect.provide(onServer(0))), 60_000)

  it.live("conflict codes: of writers that race on three servers one wins and the others hear of a conflict", () =>
    Effect.gen(function*() {
      yield* ensureLog(settings())
      for (let round = 0; round < 15; round++) {
        const command = submitCommand()
        const submits = yield* race(JobLog.use((log) => log.append(undefined, command, "/test")))
        assert.strictEqual(submits.filter((result) => result._tag === "Success").length, 1)
        const view = yield* JobLog.use((log) => log.read(command.record.job_id))
        const claims = yield* race(JobLog.use((log) => log.append(view, startCommand(view!, `agent-${round}`), "/agent")))
        assert.strictEqual(claims.filter((result) => result._tag === "Success").length, 1)
        for (const result of [...submits, ...claims]) {
          if (result._tag === "Failure") assert.strictEqual(result.failure._tag, "LogConflict")
        }
      }
    }).pipe(Effect.provide(onServer(0))), 60_000)

  it.live("a server that dies takes no accepted job with it, and a reader never sees less than was accepted", () =>
    Effect.gen(function*() {
      yield* ensureLog(settings())
      const log = yield* JobLog
      const before = yield* submit()
      yield* log.append(before, startCommand(before), "/agent")
      yield* Effect.promise(() => cluster.servers[2]!.kill())
      const after = yield* submit().pipe(Effect.retry({ while: (error) => error._tag === "LogUnavailable", times: 5 }))
      yield* log.change(before.record.job_id, cancelCommand, "/gateway")
      assert.strictEqual((yield* log.history(before.record.job_id, 0)).length, 3)
      assert.isDefined(yield* log.read(after.record.job_id))
      yield* Effect.promise(() => cluster.servers[2]!.restart())
    }).pipe(Effect.provide(onServer(0))), 60_000)
})
