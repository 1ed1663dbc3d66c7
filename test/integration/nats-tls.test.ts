import { ConfigProvider, Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { type RunningNatsServer, startNatsServer } from "../../src/testing/NatsServer.ts"

/** NATS_CA_FILE: the connection is encrypted, and goes only to a server that this CA vouches for. */

const dir = mkdtempSync(join(tmpdir(), "darkroom-tls-"))
const at = (name: string) => join(dir, name)
const openssl = (...words: ReadonlyArray<string>) => execFileSync("openssl", words, { cwd: dir, stdio: "pipe" })

const makeCa = (name: string) =>
  openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.crt`)

let server: RunningNatsServer
beforeAll(async () => {
  makeCa("ca")
  makeCa("other")
  writeFileSync(at("san.cnf"), "subjectAltName=DNS:localhost\n")
  openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=nats", "-keyout", "nats.key", "-out", "nats.csr")
  openssl("x509", "-req", "-in", "nats.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san.cnf", "-out", "nats.crt")
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
    assert.strictEqual((await connected({ NATS_URL: tls(), NATS_CA_FILE: at("other.crt") }))._tag, "Failure")
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
