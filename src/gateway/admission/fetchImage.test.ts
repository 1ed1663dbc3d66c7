import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer, request, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { imageMaxBytes } from "../../contract/limits.ts"
import { fetchImage } from "./fetchImage.ts"
import { isPublicAddress } from "./publicAddress.ts"

/** A server on this machine, and how many connections it saw. */
const server = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly connections: () => number; readonly close: () => void }>((resume) => {
      let connections = 0
      const server = createServer(listener)
      server.on("connection", () => void (connections += 1))
      server.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({
          port: (server.address() as AddressInfo).port,
          connections: () => connections,
          close: () => (server.closeAllConnections(), server.close())
        })))
    }),
    ({ close }) => Effect.sync(close)
  )

/** As over https, but to this machine and without its certificate. */
const here = { request, isAllowed: () => true }

const failure = (effect: Effect.Effect<unknown, Error>) => Effect.map(Effect.flip(effect), (error) => error.message)

describe("isPublicAddress", () => {
  it("refuses every special range, however it is written", () => {
    const refused = [
      "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
      "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
      "64:ff9b::7f00:1", "2002:7f00:1::", "not an address"
    ]
    for (const address of refused) assert.isFalse(isPublicAddress(address), address)
    for (const address of ["93.184.216.34", "2606:4700::1111"]) assert.isTrue(isPublicAddress(address), address)
  })
})

describe("fetchImage", () => {
  it.live("never connects to this machine or a private network", () =>
    Effect.gen(function*() {
      const { connections, port } = yield* server((_request, response) => response.end("secret"))
      const hosts = [
        "127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0",
        "169.254.169.254", "10.0.0.1", "user:password@example.com"
      ]
      for (const host of hosts) {
        assert.match(yield* failure(fetchImage(`https://${host}:${port}/`)), /public|password|resolved/, host)
        assert.match(yield* failure(fetchImage(`http://${host}:${port}/`, { request })), /public|password|resolved/, host)
      }
      assert.strictEqual(connections(), 0)
    }))
  it.live("brings the bytes", () =>
    Effect.gen(function*() {
      const { port } = yield* server((_request, response) => response.end(Buffer.from([1, 2, 3])))
      assert.deepStrictEqual(Array.from(yield* fetchImage(`http://localhost:${port}/a.png`, here)), [1, 2, 3])
    }))
  it.live("follows no redirect", () =>
    Effect.gen(function*() {
      const { connections, port } = yield* server((_request, response) => response.writeHead(302, { location: "/b" }).end())
      assert.include(yield* failure(fetchImage(`http://localhost:${port}/`, here)), "redirects are not followed")
      assert.strictEqual(connections(), 1)
    }))
  it.live("stops at 10 MiB, announced or not", () =>
    Effect.gen(function*() {
      const announced = yield* server((_request, response) => response.writeHead(200, { "content-length": imageMaxBytes + 1 }).flushHeaders())
      assert.include(yield* failure(fetchImage(`http://localhost:${announced.port}/`, here)), "10 MiB")
      const endless = yield* server((_request, response) => {
        const write = () => { while (!response.destroyed && response.write(Buffer.alloc(65_536))); }
        response.on("drain", write)
        write()
      })
      assert.include(yield* failure(fetchImage(`http://localhost:${endless.port}/`, here)), "10 MiB")
    }))
  it.live("gives up on a server that never answers", () =>
    Effect.gen(function*() {
      const { port } = yield* server(() => undefined)
      assert.strictEqual(yield* failure(fetchImage(`http://localhost:${port}/`, { ...here, timeoutMs: 100 })), "it took too long")
    }))
})
