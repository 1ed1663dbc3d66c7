import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { locateNatsServer, NatsServer, startCluster, startNatsServer } from "../../src/testing/NatsServer.ts"

const varz = async (monitorUrl: string) =>
  (await (await fetch(`${monitorUrl}/varz`)).json()) as { pid?: number; jetstream: { config: { sync_always?: boolean } } }

describe("the nats-server of a test file", () => {
  it("syncs every write, unless told otherwise", async () => {
    const [safe, weak] = await Promise.all([startNatsServer(), startNatsServer({ syncInterval: "2m" })])
    try {
      assert.isTrue((await varz(safe.monitorUrl)).jetstream.config.sync_always)
      assert.isUndefined((await varz(weak.monitorUrl)).jetstream.config.sync_always)
    } finally {
      await Promise.all([safe.stop(), weak.stop()])
    }
  })

  it("comes back on the same port and store after a kill, and leaves nothing behind", async () => {
    const server = await startNatsServer()
    const { pid, port, storeDir, url } = server
    await server.kill()
    assert.throws(() => process.kill(pid, 0), /ESRCH/)
    assert.isTrue(existsSync(storeDir))
    await server.restart()
    assert.notStrictEqual(server.pid, pid)
    assert.deepStrictEqual([server.port, server.storeDir, server.url], [port, storeDir, url])
    await server.stop()
    await server.stop()
    assert.isFalse(existsSync(storeDir))
  })

  it("says what the server's log said when it does not start", async () => {
    const error = await startNatsServer({ config: "nonsense {" }).then(() => undefined, String)
    assert.match(error ?? "", /ended before it was ready[^]*Parse error/)
    assert.match(await startNatsServer({ binary: "/does/not/exist" }).then(() => "", String), /could not be started.*ENOENT/)
  })

  it("three of them make a cluster", async () => {
    const cluster = await startCluster(3)
    try {
      const jsz = await (await fetch(`${cluster.servers[0]?.monitorUrl}/jsz`)).json()
      assert.strictEqual((jsz as { meta_cluster?: { cluster_size?: number } }).meta_cluster?.cluster_size, 3)
    } finally {
      await cluster.stop()
    }
  })

  it.effect("as a service it ends with its scope", () =>
    Effect.gen(function*() {
      const storeDir = yield* NatsServer.use((server) => Effect.succeed(server.storeDir)).pipe(Effect.provide(NatsServer.layer))
      assert.isFalse(existsSync(storeDir))
    }))

  it("is the one that NATS_SERVER_BIN names", async () => {
    assert.strictEqual(await locateNatsServer(), process.env["NATS_SERVER_BIN"] ?? (await locateNatsServer()))
  })

  it("tests run on the Node of the npm package", () => {
    assert.match(process.execPath, /node_modules\/(node|\.bin)\//)
    assert.match(process.version, /^v24\./)
  })
})
