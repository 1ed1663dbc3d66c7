import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { serveMemoryApi } from "../../testing/apiserver/serve.ts"
import { makeMemoryApiServer } from "../../testing/MemoryApiServer.ts"
import { ApiUnavailable } from "./errors.ts"
import { KubeClient } from "./KubeClient.ts"
import { type Endpoint } from "./kubeConfig.ts"
import { reflect } from "./Reflector.ts"
import { leases, pods } from "./resources.ts"

const draft = (name: string, size = 0) => ({
  metadata: { name, annotations: { padding: "x".repeat(size) } },
  spec: { containers: [{ name: "agent" }] }
})

const until = (what: string, is: () => boolean) =>
  Effect.gen(function*() {
    for (let tries = 0; tries < 500; tries++) {
      if (is()) return
      yield* Effect.sleep(10)
    }
    assert.fail(what)
  })

/** Nothing here is timed; a busy machine may take its time. */
const patienceMs = 60_000

describe("KubeClient over HTTP", () => {
  it.live("many requests share few connections, and none stays open when the scope closes", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const served = yield* serveMemoryApi(server.transport)
      yield* Effect.gen(function*() {
        const client = yield* KubeClient
        for (let index = 0; index < 50; index++) yield* client.list(pods)
        // A deletion, which has a body, leaves its connection open, too.
        for (let index = 0; index < 20; index++) {
          const { metadata } = yield* client.create(pods, draft(`p${index}`))
          yield* client.delete(pods, metadata.name, { uid: metadata.uid })
        }
        assert.isAtMost(served.opened(), 2)
        yield* Effect.forEach(Array.from({ length: 200 }), () => client.list(pods), { concurrency: "unbounded", discard: true })
        assert.isAtMost(served.sockets(), 16)
        yield* reflect(pods)
        yield* reflect(pods)
        yield* until("two watches", () => server.watches.size === 2)
        assert.isAtMost(served.sockets(), 18)
      }).pipe(Effect.provide(KubeClient.at(served.endpoint, "test")), Effect.scoped)
      yield* until("every connection ends with the client", () => served.sockets() === 0 && server.watches.size === 0)
    }), patienceMs)

  it.live("a watch that is left closes its connection; an interrupted request does, too", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const served = yield* serveMemoryApi(server.transport)
      yield* Effect.gen(function*() {
        const client = yield* KubeClient
        const { resourceVersion } = yield* client.list(pods)
        const before = served.sockets()
        yield* Stream.runDrain(Stream.take(client.watch(pods, { resourceVersion, timeoutSeconds: 60 }), 1))
        yield* until("the watch's connection ends", () => served.sockets() <= before && server.watches.size === 0)
        server.faults.request = () => "hang"
        const hanging = yield* Effect.forkChild(client.get(pods, "a"))
        yield* until("asked", () => server.requests.at(-1)?.path.endsWith("/pods/a") === true)
        yield* Fiber.interrupt(hanging)
        yield* until("the request's connection ends", () => served.sockets() === 0)
      }).pipe(Effect.provide(KubeClient.at(served.endpoint, "test")), Effect.scoped)
    }), patienceMs)

  it.live("a lease is renewed however many other requests wait for an answer", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const served = yield* serveMemoryApi(server.transport)
      yield* Effect.gen(function*() {
        const client = yield* KubeClient
        yield* client.create(leases, { metadata: { name: "l" }, spec: {} })
        server.faults.request = ({ path }) => (path.includes("/leases") ? undefined : "hang")
        yield* Effect.forEach(Array.from({ length: 40 }), (_, index) => client.create(pods, draft(`p${index}`)), {
          concurrency: "unbounded",
          discard: true
        }).pipe(Effect.forkScoped)
        yield* until("all connections are in use", () => server.requests.filter(({ path }) => path.includes("/pods")).length >= 16)
        yield* client.get(leases, "l")
        const renewed = yield* client.patch(leases, "l", { spec: { holderIdentity: "a" } })
        assert.strictEqual(renewed.spec?.holderIdentity, "a")
      }).pipe(Effect.scoped, Effect.provide(KubeClient.at(served.endpoint, "test")))
    }), patienceMs)

  it.live("events of almost 2 MiB come whole, larger ones are passed over", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const served = yield* serveMemoryApi(server.transport)
      yield* Effect.gen(function*() {
        const client = yield* KubeClient
        const { resourceVersion } = yield* client.list(pods)
        const watching = yield* Effect.forkChild(
          Stream.runCollect(Stream.take(client.watch(pods, { resourceVersion, timeoutSeconds: 60 }), 4))
        )
        yield* client.create(pods, draft("large", 2_090_000))
        yield* client.create(pods, draft("huge", 2_200_000))
        yield* client.create(pods, draft("small"))
        const [, large, huge, small] = yield* Fiber.join(watching)
        assert.strictEqual(large?.type === "added" && large.object.metadata.annotations?.["padding"]?.length, 2_090_000)
        assert.strictEqual(huge?.type, "undecodable")
        assert.strictEqual(small?.type === "added" && small.object.metadata.name, "small")
      }).pipe(Effect.provide(KubeClient.at(served.endpoint, "test")), Effect.scoped)
    }), patienceMs)

  it.live("a connection that breaks in the middle of an event is a failure, not an event", () =>
    Effect.gen(function*() {
      const server = createServer((_, response) => {
        response.writeHead(200)
        response.write(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n{"type":"ADDED","object":{"meta`)
        setTimeout(() => response.socket?.destroy(), 50)
      })
      yield* Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)))
      const endpoint: Endpoint = {
        server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        namespace: "default",
        credentials: Effect.succeed({ tls: {}, headers: {} })
      }
      const seen: Array<string> = []
      const exit = yield* KubeClient.use((client) =>
        Stream.runForEach(client.watch(pods, { resourceVersion: "1", timeoutSeconds: 60 }), (event) => Effect.sync(() => seen.push(event.type)))
      ).pipe(Effect.provide(KubeClient.at(endpoint, "test")), Effect.exit)
      server.close()
      assert.deepStrictEqual(seen, ["opened", "bookmark"])
      assert.isTrue(Exit.isFailure(exit))
    }))

  it.live("a server that is not there is unavailable, in words", () =>
    Effect.gen(function*() {
      const endpoint: Endpoint = { server: "http://127.0.0.1:9", namespace: "default", credentials: Effect.succeed({ tls: {}, headers: {} }) }
      const error = yield* Effect.flip(Effect.provide(KubeClient.use((client) => client.create(pods, draft("a"))), KubeClient.at(endpoint, "test")))
      assert.instanceOf(error, ApiUnavailable)
      assert.include(error.message, "create pods/a")
      assert.include(error.message, "ECONNREFUSED")
    }))

  it.live("credentials that are refused are read again, once, and need no other connections", () =>
    Effect.gen(function*() {
      let needed = 1
      let requests = 0
      const server = createServer((incoming, response) => {
        requests += 1
        const isGood = incoming.headers.authorization === `Bearer ${needed}`
        response.writeHead(isGood ? 200 : 401, { "content-type": "application/json" })
        response.end(isGood ? `{"items":[],"metadata":{"resourceVersion":"1"}}` : "{}")
      })
      let connections = 0
      server.on("connection", () => (connections += 1))
      yield* Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)))
      let read = 0
      const endpoint: Endpoint = {
        server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        namespace: "default",
        credentials: Effect.sync(() => ({ tls: {}, headers: { Authorization: `Bearer ${++read}` } }))
      }
      yield* Effect.gen(function*() {
        const client = yield* KubeClient
        for (needed = 1; needed <= 10; needed++) yield* client.list(pods)
        needed = 99
        assert.strictEqual((yield* Effect.flip(client.list(pods)))._tag, "ApiForbidden")
      }).pipe(Effect.provide(KubeClient.at(endpoint, "test")))
      server.closeAllConnections()
      server.close()
      assert.strictEqual(requests, 1 + 9 * 2 + 2)
      assert.isAtMost(connections, 2)
    }))
})

describe("KubeClient", () => {
  const make = () => {
    const server = makeMemoryApiServer()
    return { server, layer: KubeClient.over(server.transport) }
  }

  it.effect("reads are tried again when the server is away or busy; writes are not", () => {
    const { layer, server } = make()
    return Effect.gen(function*() {
      const client = yield* KubeClient
      server.faults.request = () => (server.requests.length < 3 ? { answer: { status: 503 } } : undefined)
      const listing = yield* Effect.forkChild(client.list(pods))
      yield* TestClock.adjust("5 seconds")
      assert.lengthOf((yield* Fiber.join(listing)).items, 0)
      assert.lengthOf(server.requests, 3)
      server.faults.request = () => "lost"
      const error = yield* Effect.flip(client.create(pods, draft("a")))
      assert.strictEqual(error._tag, "ApiUnavailable")
      assert.lengthOf(server.requests, 4)
    }).pipe(Effect.provide(layer))
  })

  it.effect("Retry-After is waited for when it is short, and left to the caller when it is long", () => {
    const { layer, server } = make()
    return Effect.gen(function*() {
      const client = yield* KubeClient
      server.faults.request = () => (server.requests.length === 1 ? { answer: { status: 429, retryAfter: "5" } } : undefined)
      const listing = yield* Effect.forkChild(client.list(pods))
      yield* TestClock.adjust("4 seconds")
      assert.lengthOf(server.requests, 1)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(listing)
      server.faults.request = () => ({ answer: { status: 429, retryAfter: "30" } })
      const error = yield* Effect.flip(client.list(pods))
      assert.strictEqual(error._tag === "ApiThrottled" && error.retryAfterMs, 30_000)
    }).pipe(Effect.provide(layer))
  })
})
