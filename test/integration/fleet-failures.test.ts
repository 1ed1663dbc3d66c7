import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { GpuPoolStatus } from "../../src/contract/GpuPool.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { Lanes } from "../../src/platform/nats/Lanes.ts"
import { Presence } from "../../src/platform/nats/Presence.ts"
import { logReady } from "../../src/platform/nats/provision.ts"
import { NatsServer } from "../../src/testing/NatsServer.ts"

/** The fleet with agents that do nothing but live or die: what it makes of them, as gateways are told. */

const services = Layer.unwrap(
  NatsServer.use((server) => {
    const environment = ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: server.url }))
    const connection = Connection.layer("test").pipe(Layer.provide(environment))
    return Effect.succeed(
      Layer.merge(Lanes.layer, Presence.layer).pipe(Layer.provide(logReady), Layer.provide(connection))
    )
  })
).pipe(Layer.provideMerge(NatsServer.layer))

interface PoolFields {
  readonly name: string
  readonly spec?: Record<string, unknown>
}

const documents = (pools: ReadonlyArray<PoolFields>): string =>
  pools.map(({ name, spec = {} }) =>
    JSON.stringify({
      apiVersion: "darkroom.dev/v1alpha1",
      kind: "GpuPool",
      metadata: { name },
      spec: { models: ["m"], replicas: 1, maxReplicas: 2, ...spec }
    })
  ).join("\n---\n")

/** A fleet of agents that run `script` with Node; gives how to change the pool file and what was logged. */
const fleetOf = (script: string, pools: ReadonlyArray<PoolFields>) =>
  Effect.gen(function*() {
    const server = yield* NatsServer
    const folder = mkdtempSync(join(tmpdir(), "darkroom-fleet-"))
    const poolFile = join(folder, "pool.yaml")
    const write = (next: ReadonlyArray<PoolFields>) => {
      writeFileSync(`${poolFile}.new`, documents(next))
      renameSync(`${poolFile}.new`, poolFile)
    }
    write(pools)
    let log = ""
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(process.execPath, ["src/operator/local.ts"], {
          env: {
            ...process.env,
            NATS_URL: server.url,
            POOL_FILE: poolFile,
            DATA_DIR: folder,
            FLEET_INTERVAL: "100ms",
            AGENT_COMMAND: JSON.stringify([process.execPath, "-e", script])
          },
          stdio: ["ignore", "inherit", "pipe"]
        })
        child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()))
        return child
      }),
      (child) =>
        Effect.promise(async () => {
          const exit = once(child, "exit")
          if (child.exitCode === null && child.kill("SIGTERM")) await exit
          rmSync(folder, { recursive: true, force: true })
        })
    )
    return { write, log: () => log }
  })

const limitTries = 600

const statusThat = (pool: string, holds: (status: GpuPoolStatus) => boolean) =>
  Presence.use((presence) => presence.pools).pipe(
    Effect.map((pools) => pools.get(pool)?.status),
    Effect.delay("50 millis"),
    Effect.repeat({ until: (status) => status !== undefined && holds(status), times: limitTries }),
    Effect.tap((status) => Effect.sync(() => assert.isTrue(status !== undefined && holds(status), JSON.stringify(status)))),
    Effect.map((status) => status!)
  )

const until = <A, E, R>(read: Effect.Effect<A, E, R>, holds: (value: A) => boolean) =>
  read.pipe(
    Effect.delay("50 millis"),
    Effect.repeat({ until: holds, times: limitTries }),
    Effect.tap((value) => Effect.sync(() => assert.isTrue(holds(value), JSON.stringify(value))))
  )

const lanesOf = (pool: string) => Lanes.use((lanes) => lanes.existing).pipe(Effect.map((existing) => existing.get(pool)))
const degraded = (status: GpuPoolStatus) => status.conditions.find((one) => one.type === "Degraded")
const starts = (log: string) => log.split(/agent \S+ started/).length - 1

layer(services, { excludeTestServices: true, timeout: "60 seconds" })("the local fleet", (it) => {
  it.effect("gives up on agents that crash, says why, and does not start them over and over", () =>
    Effect.gen(function*() {
      const fleet = yield* fleetOf("process.exit(3)", [{ name: "crashing", spec: { lifecycle: { maxPodFailures: 3 } } }])
      const status = yield* statusThat("crashing", ({ state }) => state === "UNHEALTHY")
      assert.include(degraded(status)?.message, "exit code 3")
      assert.strictEqual(degraded(status)?.reason, "TooManyFailures")
      assert.strictEqual(starts(fleet.log()), 3)
    }), 60_000)

  it.effect("ends an agent that is not ready in time", () =>
    Effect.gen(function*() {
      yield* fleetOf("setInterval(() => {}, 1000)", [
        { name: "slow", spec: { lifecycle: { startupTimeout: "1s", maxPodFailures: 1 } } }
      ])
      yield* statusThat("slow", ({ state }) => state === "WAKING_UP")
      const status = yield* statusThat("slow", ({ state }) => state === "UNHEALTHY")
      assert.include(degraded(status)?.message, "not ready within 1000 ms")
    }), 60_000)

  it.effect("makes the lanes before it tells of a pool, replaces agents of another spec, and cleans up after a removed pool", () =>
    Effect.gen(function*() {
      const idle = "setInterval(() => {}, 1000)"
      const fleet = yield* fleetOf(idle, [{ name: "kept" }, { name: "dropped" }])
      const first = yield* statusThat("dropped", ({ replicas }) => replicas === 1)
      assert.deepStrictEqual(first.lanesReadyFor, ["m"])
      assert.deepStrictEqual(yield* lanesOf("dropped"), ["m"])

      fleet.write([{ name: "kept", spec: { models: ["m", "n"] } }])
      yield* until(lanesOf("dropped"), (models) => models === undefined)
      yield* until(lanesOf("kept"), (models) => models?.length === 2)
      const changed = yield* statusThat("kept", ({ lanesReadyFor }) => lanesReadyFor.length === 2)
      assert.strictEqual(changed.desiredReplicas, 1)
      // One for each pool, and another for the one whose models changed.
      yield* until(Effect.sync(fleet.log), (log) => starts(log) === 3)
      yield* until(Presence.use((presence) => presence.pools), (pools) => !pools.has("dropped"))
    }), 60_000)
})
