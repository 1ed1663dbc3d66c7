import { ConfigProvider, Effect, Layer } from "effect"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { eventsStream } from "../../src/contract/subjects.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { logSettings } from "../../src/platform/nats/LogSettings.ts"
import { ensureLog } from "../../src/platform/nats/provision.ts"
import { makeAuthority } from "../../src/testing/apiserver/certificates.ts"
import { endWithThisProcess, freePort, locateNatsServer, terminate } from "../../src/testing/NatsServer.ts"

/**
 * The broker's configuration of manifests/, run by three real servers on this machine (only paths, ports and addresses are
 * exchanged): they find each other by certificates of one CA, clients need TLS and a password, and the log is made with
 * three copies.
 */

const repository = fileURLToPath(new URL("../..", import.meta.url))
const read = (path: string) => readFileSync(join(repository, "manifests", path), "utf8")
const dir = mkdtempSync(join(tmpdir(), "darkroom-manifests-"))
const usersFiles = ["base/nats/users.conf", "overlays/production/users.conf"]

interface Node {
  readonly client: number
  readonly monitor: number
  readonly route: number
}

const nodes: Array<Node> = []
const running: Array<ChildProcess> = []
const log = (index: number) => readFileSync(join(dir, `nats-${index}.log`), "utf8")

/** Each replacement must find its place, or the test would run something else than the manifests. */
const replaced = (text: string, changes: ReadonlyArray<readonly [string, string]>) =>
  changes.reduce((changed, [from, to]) => {
    assert.include(changed, from)
    return changed.replaceAll(from, to)
  }, text)

const configOf = ({ client, monitor, route }: Node, index: number) =>
  replaced(read("base/nats/nats.conf"), [
    ["port: 4222", `listen: "127.0.0.1:${client}"`],
    ["http: 8222", `http: "127.0.0.1:${monitor}"`],
    ["port: 6222", `listen: "127.0.0.1:${route}"`],
    ...nodes.map((node, other) => [`nats-route://nats-${other}.nats-nodes:6222`, `nats-route://localhost:${node.route}`] as const),
    ["/etc/nats-tls", dir],
    ["store_dir: /data", `store_dir: ${JSON.stringify(join(dir, `data-${index}`))}`]
  ])

const passwords = (file: string): Record<string, string> =>
  Object.fromEntries([...read(file).matchAll(/password: \$(\w+)/g)].map(([, name]) => [name!, `p${name!.toLowerCase()}`]))

const environment = (file: string, index: number) => ({ ...process.env, ...passwords(file), POD_NAME: `nats-${index}`, NATS_MAX_FILE_STORE: "2GB" })

const isHealthy = async ({ monitor }: Node) => {
  const response = await fetch(`http://127.0.0.1:${monitor}/healthz`).catch(() => undefined)
  return response?.ok === true
}

let binary: string
beforeAll(async () => {
  binary = await locateNatsServer()
  const authority = await makeAuthority(dir)
  await authority.sign("tls", "/CN=nats", "DNS:localhost,IP:127.0.0.1")
  for (let index = 0; index < 3; index++) nodes.push({ client: await freePort(), monitor: await freePort(), route: await freePort() })
  for (const [index, node] of nodes.entries()) {
    mkdirSync(join(dir, `node-${index}`))
    writeFileSync(join(dir, `node-${index}/nats.conf`), configOf(node, index))
    writeFileSync(join(dir, `node-${index}/users.conf`), read("base/nats/users.conf"))
    const child = spawn(binary, ["--config", join(dir, `node-${index}/nats.conf`), "--log", join(dir, `nats-${index}.log`)], {
      env: environment("base/nats/users.conf", index),
      stdio: "ignore"
    })
    endWithThisProcess(child, join(dir, `data-${index}`))
    running.push(child)
  }
  for (let tries = 0; tries < 400; tries++) {
    if ((await Promise.all(nodes.map(isHealthy))).every(Boolean)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the three servers did not find each other:\n${nodes.map((_, index) => log(index).slice(-2_000)).join("\n---\n")}`)
}, 60_000)
afterAll(async () => {
  await Promise.all(running.map(terminate))
  rmSync(dir, { recursive: true, force: true })
})

/** As a pod's environment says it. */
const as = (user: string, extra: Record<string, string> = {}) => ({
  NATS_URL: nodes.map(({ client }) => `tls://localhost:${client}`).join(","),
  NATS_CA_FILE: join(dir, "ca.crt"),
  NATS_USER: user,
  NATS_PASSWORD: `pnats_password_${user}`,
  NATS_MONITOR_URL: nodes.map(({ monitor }) => `http://127.0.0.1:${monitor}`).join(","),
  DARKROOM_REPLICAS: "3",
  DARKROOM_EVENTS_MAX_BYTES: "100000000",
  DARKROOM_WORK_MAX_BYTES: "10000000",
  DARKROOM_BLOBS_MAX_BYTES: "100000000",
  ...extra
})

const connected = <A, E>(environment: Record<string, string>, effect: Effect.Effect<A, E, Connection>) => {
  const config = ConfigProvider.layer(ConfigProvider.fromUnknown(environment))
  return Effect.runPromise(Effect.result(effect.pipe(Effect.provide(Connection.layer("test").pipe(Layer.provide(config))), Effect.provide(config))))
}

describe("the broker of the manifests", () => {
  it.each(usersFiles)("has a configuration that nats-server takes, with %s", async (file) => {
    const folder = mkdtempSync(join(dir, "check-"))
    writeFileSync(join(folder, "nats.conf"), configOf(nodes[0]!, 0))
    writeFileSync(join(folder, "users.conf"), read(file))
    const checked = await promisify(execFile)(binary, ["-t", "--config", join(folder, "nats.conf")], { env: environment(file, 0) })
    assert.match(checked.stderr, /configuration file .* is valid/)
  })

  it("is a cluster that fsyncs each write and keeps three copies; no program finds a weakness in it", async () => {
    const made = await connected(as("operator"), Effect.gen(function*() {
      return yield* ensureLog(yield* logSettings)
    }))
    assert.deepStrictEqual(made._tag === "Success" ? made.success : made, [])
    const seen = await connected(as("gateway"), Effect.gen(function*() {
      const { jsm } = yield* Connection
      return (yield* Effect.promise(() => jsm.streams.info(eventsStream))).cluster
    }))
    assert.strictEqual(seen._tag === "Success" ? seen.success?.replicas?.length : 0, 2)
    for (const [index] of nodes.entries()) assert.notInclude(log(index), "Violation")
  })

  it("lets in nobody without TLS, without the right password, or as nobody", async () => {
    const { NATS_CA_FILE: _, ...withoutCa } = as("gateway")
    for (const wrong of [withoutCa, as("gateway", { NATS_PASSWORD: "guess" }), as("nobody"), as("", { NATS_USER: "", NATS_PASSWORD: "" })]) {
      const result = await connected(wrong, Effect.void)
      assert.strictEqual(result._tag, "Failure")
    }
  })
})
