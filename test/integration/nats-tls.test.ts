import { ConfigProvider, Effect, Layer } from "effect"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { makeAuthority } from "../../src/testing/apiserver/certificates.ts"
import { type RunningNatsServer, startNatsServer } from "../../src/testing/NatsServer.ts"

/** NATS_CA_FILE: the connection is encrypted, and goes only to a server that this CA vouches for. */

const dir = mkdtempSync(join(tmpdir(), "darkroom-tls-"))
const at = (name: string) => join(dir, name)
let server: RunningNatsServer
beforeAll(async () => {
  await (await makeAuthority(dir)).sign("nats", "/CN=nats", "DNS:localhost")
  mkdirSync(at("other"))
  await makeAuthority(at("other"))
  server = await startNatsServer({ config: `tls { cert_file: ${JSON.stringify(at("nats.crt"))}, key_file: ${JSON.stringify(at("nats.key"))} }` })
}, 60_000)
afterAll(async () => {
  await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const connected = (environment: Record<string, string>) =>
  Effect.runPromise(
    Effect.result(
      Connection.use(({ jsm }) => Effect.promise(() => jsm.getAccountInfo())).pipe(
        Effect.provide(
          Connection.layer("tls").pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(environment))))
        )
      )
    )
  )

const tls = () => `tls://localhost:${server.port}`

describe("NATS over TLS", () => {
  it("works with the CA that signed the server's certificate", async () => {
    assert.strictEqual((await connected({ NATS_URL: tls(), NATS_CA_FILE: at("ca.crt") }))._tag, "Success")
  })

  it("is refused with another CA, or with the system's alone", async () => {
    assert.strictEqual((await connected({ NATS_URL: tls(), NATS_CA_FILE: at("other/ca.crt") }))._tag, "Failure")
    assert.strictEqual((await connected({ NATS_URL: tls() }))._tag, "Failure")
  })

  it("never falls back to a server without TLS: the password would be readable", async () => {
    const plain = await startNatsServer()
    try {
      const result = await connected({ NATS_URL: `tls://localhost:${plain.port}`, NATS_CA_FILE: at("ca.crt") })
      assert.strictEqual(result._tag, "Failure")
    } finally {
      await plain.stop()
    }
  })
})
