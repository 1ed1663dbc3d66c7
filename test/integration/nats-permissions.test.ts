import { type NatsConnection, connect, createInbox } from "@nats-io/transport-node"
import { ConfigProvider, Effect, Layer } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { inboxPrefix, natsAuthorization, natsPasswordVariable, type NatsRole, natsUser } from "../../src/contract/natsPermissions.ts"
import { Blobs } from "../../src/platform/blobs/Blobs.ts"
import { ApiKeys } from "../../src/platform/nats/ApiKeys.ts"
import { Capacity } from "../../src/platform/nats/Capacity.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { startSystem, type System } from "../../src/testing/System.ts"
import { GatewayClient } from "./gatewayClient.ts"

/**
 * The whole system with a broker that knows each program as a user of its role: nothing that it does is refused, and
 * nothing else is allowed. One system for the file: two gateways, a fleet, agents of the pool `local`.
 */

const agent: NatsRole = { _tag: "Agent", pool: "local", models: ["noop"] }
const otherAgent: NatsRole = { _tag: "Agent", pool: "other", models: ["noop"] }
const reader: NatsRole = { _tag: "EventReader", consumer: "billing" }
const admin: NatsRole = { _tag: "Administrator" }
const roles: ReadonlyArray<NatsRole> = [{ _tag: "Gateway" }, { _tag: "Operator" }, agent, otherAgent, reader, admin]

const passwordOf = (role: NatsRole) => `pass-${natsUser(role)}`
const login = (role: NatsRole) => ({ NATS_USER: natsUser(role), NATS_PASSWORD: passwordOf(role) })

const root = fileURLToPath(new URL("../..", import.meta.url))
const agentCommand = (role: NatsRole): string =>
  JSON.stringify([
    "env",
    ...Object.entries(login(role)).map(([name, value]) => `${name}=${value}`),
    process.execPath,
    join(root, "src/gpu-agent/main.ts")
  ])

let system: System
let client: GatewayClient

beforeAll(async () => {
  // The broker takes the passwords from its environment.
  for (const role of roles) process.env[natsPasswordVariable(role)] = passwordOf(role)
  system = await startSystem({
    gateways: 2,
    replicas: 1,
    maxReplicas: 2,
    cooldown: "1s",
    env: { SWEEP_INTERVAL: "1s" },
    gatewayEnv: login({ _tag: "Gateway" }),
    fleetEnv: { ...login({ _tag: "Operator" }), AGENT_COMMAND: agentCommand(agent) },
    broker: { config: natsAuthorization(roles) }
  })
  client = new GatewayClient(system)
}, 90_000)
afterAll(() => system?.stop(), 60_000)

const violations = () => system.broker.log().split("\n").filter((line) => line.includes("Violation"))

const as = async (role: NatsRole) => {
  const { NATS_PASSWORD: pass, NATS_USER: user } = login(role)
  const nc = await connect({ servers: system.broker.url, user, pass, inboxPrefix: inboxPrefix(user), reconnect: false })
  const told: Array<string> = []
  complaints.set(nc, told)
  void (async () => {
    for await (const event of nc.status()) if (event.type === "error") told.push(event.error.message)
  })()
  return nc
}

const eventually = async (what: string, check: () => Promise<boolean>) => {
  for (let tries = 0; tries < 400; tries++) {
    if (await check().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${what}: not within 20 s\n${readFileSync(join(system.dir, "pool.yaml"))}${JSON.stringify((await client.send("/api/queue")).body)}${system.logs().slice(-3_000)}`)
}

/** What the broker says against a connection. */
const complaints = new WeakMap<NatsConnection, Array<string>>()

/** What the broker said against it by the time it had seen all of it; undefined: allowed. */
const refusal = async (nc: NatsConnection, act: () => void): Promise<string | undefined> => {
  const told = complaints.get(nc)!
  const before = told.length
  act()
  await nc.flush()
  // The client hands errors on a turn later than the flush.
  await new Promise((resolve) => setTimeout(resolve, 5))
  return told[before]
}

const publishing = (nc: NatsConnection, subject: string, body = "{}") => refusal(nc, () => nc.publish(subject, body, { reply: createInbox(inboxPrefix("nobody")) }))
const subscribing = (nc: NatsConnection, subject: string) => refusal(nc, () => void nc.subscribe(subject, { callback: () => undefined }))

describe("each program with the rights of its role", () => {
  it("serves every kind of request without one refusal by the broker", async () => {
    const done = await client.edit("steps=2 ms=10")
    assert.strictEqual(done.status, 200, JSON.stringify(done.body))

    const running = await client.start("steps=200 ms=50")
    await client.until(running, ["processing"])
    assert.strictEqual((await client.send(`/api/job/${running}/cancel`, { method: "POST" })).status, 200)
    await client.until(running, ["cancelled"])

    const failing = await client.start("steps=3 fail_at=2")
    await client.until(failing, ["failed"])
    assert.strictEqual((await client.send(`/api/job/${failing}/retry`, { method: "POST" })).status, 200)
    await client.until(failing, ["failed"])

    const many = await Promise.all(Array.from({ length: 6 }, (_, i) => client.start(`steps=4 ms=100 n=${i}`)))
    for (const path of ["/api/queue", "/api/history", `/api/status/${many[0]}`]) {
      assert.strictEqual((await client.send(path)).status, 200, path)
    }
    for (const { metricsUrl } of system.gateways) assert.strictEqual((await fetch(`${metricsUrl}/metrics`)).status, 200)
    const followed = await client.events(many[5]!)
    assert.strictEqual(followed.events.at(-1)?.event, "completed")
    for (const job of many) await client.until(job, ["completed"])
    // Agents above the floor are asked to drain, answer, and go.
    for (const replicas of [2, 0]) {
      assert.strictEqual((await client.send(`/api/gpu/scale?replicas=${replicas}`, { method: "POST" })).status, 200)
    }
    await eventually("no agents", async () => (await client.send("/api/queue")).body.gpu.active_replicas === 0)
    const woken = await client.edit("steps=1")
    assert.strictEqual(woken.status, 200, JSON.stringify(woken.body))
    assert.deepStrictEqual(violations(), [])
    assert.notMatch(system.logs(), /[Pp]ermissions? [Vv]iolation/)
  }, 90_000)

  it("moves or fails what a pool leaves behind when it goes, without a refusal", async () => {
    const before = violations().length
    const job = await client.start("steps=1")
    await client.until(job, ["completed"])
    const file = join(system.dir, "pool.yaml")
    const text = JSON.stringify({
      apiVersion: "darkroom.dev/v1alpha1",
      kind: "GpuPool",
      metadata: { name: "other" },
      spec: { replicas: 0, maxReplicas: 0, models: ["noop"], placement: { gpu: { count: 0 } } }
    })
    writeFileSync(file, text)
    await eventually("the old pool is gone", async () => system.fleet.log().includes("pool local is gone"))
    assert.deepStrictEqual(violations().slice(before), [])
  }, 60_000)
})

const connectionOf = (role: NatsRole) =>
  Connection.layer("services").pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: system.broker.url, ...login(role) })))
  )

/** The pictures as one user sees them. */
const using = <A, E>(role: NatsRole, effect: Effect.Effect<A, E, Blobs>) =>
  Effect.runPromise(Effect.provide(effect, Blobs.layer.pipe(Layer.provide(connectionOf(role)))))

const asGateway = <A, E>(effect: Effect.Effect<A, E, ApiKeys | Blobs | Capacity>) =>
  Effect.runPromise(
    Effect.provide(
      effect,
      Layer.mergeAll(ApiKeys.layer, Blobs.layer, Capacity.layer).pipe(Layer.provide(connectionOf({ _tag: "Gateway" })))
    )
  )

describe("what happens seldom", () => {
  const picture = randomBytes(2_500_000)
  const sha256 = createHash("sha256").update(picture).digest("hex")

  it("a gateway makes and revokes keys, looks for orphaned pictures, removes them, and sees whether there is room", async () => {
    const before = violations().length
    const listed = await asGateway(Effect.gen(function*() {
      const keys = yield* ApiKeys
      const { record } = yield* keys.create({ name: "one", scopes: ["read"] })
      yield* keys.revoke(record.id)
      const blobs = yield* Blobs
      yield* blobs.put("orphan/in/x", picture, sha256)
      assert.isTrue(picture.equals(yield* blobs.get("orphan/in/x")))
      const list = yield* blobs.list
      yield* blobs.remove("orphan/in/x")
      const capacity = yield* Capacity
      assert.isUndefined((yield* capacity.check).full)
      yield* capacity.warnings
      return list
    }))
    assert.isTrue(listed.some(({ name }) => name === "orphan/in/x"))
    assert.deepStrictEqual(violations().slice(before), [])
  })

  it("an agent reads and writes large pictures; of one written twice it may not even remove the second copy's chunks", async () => {
    const before = violations().length
    const put = Blobs.use((blobs) => blobs.put("job/1/y", picture, sha256))
    await using(agent, Effect.gen(function*() {
      yield* put
      const blobs = yield* Blobs
      assert.isTrue(picture.equals(yield* blobs.get("job/1/y")))
      assert.strictEqual((yield* Effect.flip(blobs.get("job/1/none")))._tag, "BlobMissing")
    }))
    assert.deepStrictEqual(violations().slice(before), [])
    await using(agent, put)
    assert.match(violations().slice(before).join("\n"), /^[^\n]*STREAM\.PURGE\.OBJ_IMAGES"$/)
  })
})

describe("an agent of one pool", () => {
  let nc: NatsConnection
  beforeAll(async () => {
    nc = await as(agent)
  })
  afterAll(() => nc.close())

  const allowed = async (subject: string) => assert.isUndefined(await publishing(nc, subject), subject)
  const refused = async (subject: string) => assert.match((await publishing(nc, subject)) ?? "allowed", /permissions violation/i, subject)

  it("pulls its own lanes, and no other pool's", async () => {
    await allowed("$JS.API.CONSUMER.MSG.NEXT.WORK.local=noop=p0s0")
    await refused("$JS.API.CONSUMER.MSG.NEXT.WORK.other=noop=p0s0")
    await refused("$JS.API.CONSUMER.MSG.NEXT.WORK.local=secret=p0s0")
    await refused("$JS.ACK.WORK.other=noop=p0s0.1.1.1.1.0")
    await refused("$JS.ACK._.x.WORK.other=noop=p0s0.1.1.1.1.0")
    await refused("$JS.API.CONSUMER.MSG.NEXT.EVENTS.hooks")
  })

  it("writes the ends of its own pool's jobs, and nothing else into the log", async () => {
    await refused("jobs.j.completed.other.noop.p1s0.client")
    await refused("jobs.j.started.other.noop.p1s0.client")
    await refused("jobs.j.queued.local.noop.p1s0.client")
    await refused("jobs.j.cancelled.local.noop.p1s0.client")
    await refused("jobs.j.deleted.local.noop.p1s0.client")
    await refused("work.local.noop.p1s0.client.j")
  })

  it("reads one message at a time, as docs/adr/0011 says, and follows or lists nothing", async () => {
    for (const words of ["STREAM.MSG.GET.EVENTS", "DIRECT.GET.WORK", "DIRECT.GET.OBJ_IMAGES"]) await allowed(`$JS.API.${words}`)
    for (const words of ["CONSUMER.NAMES.WORK", "CONSUMER.LIST.WORK", "CONSUMER.INFO.WORK.other=noop=p0s0", "STREAM.INFO.EVENTS", "STREAM.LIST", "STREAM.MSG.GET.WORK", "DIRECT.GET.EVENTS"]) {
      await refused(`$JS.API.${words}`)
    }
  })

  it("makes, changes and removes nothing of the broker's", async () => {
    for (const words of ["STREAM.CREATE.X", "STREAM.UPDATE.EVENTS", "STREAM.DELETE.EVENTS", "STREAM.PURGE.WORK", "STREAM.PURGE.EVENTS", "STREAM.PURGE.OBJ_IMAGES"]) {
      await refused(`$JS.API.${words}`)
    }
    for (const words of ["CREATE.WORK.x", "CREATE.EVENTS.x", "CREATE.OBJ_IMAGES.x", "DURABLE.CREATE.WORK.x", "DELETE.WORK.local=noop=p0s0"]) {
      await refused(`$JS.API.CONSUMER.${words}`)
    }
    await refused("$JS.API.STREAM.MSG.DELETE.EVENTS")
  })

  it("reads no keys and no answers of others, and speaks for no other pool", async () => {
    await refused("$KV.KEYS.0123456789abcdef")
    await refused("$JS.API.STREAM.MSG.GET.KV_KEYS")
    await refused("$JS.API.DIRECT.GET.KV_KEYS")
    await refused("agents.other.x")
    await refused("control.cancel.j")
    await refused("control.drain.local.x")
    await refused("control.drain.other.x")
    await refused("_INBOX_gateway.x")
    for (const subject of ["_INBOX_gateway.>", "_INBOX_agent-other.>", "jobs.>", "work.>", "$KV.>", "wake.other.*.*", "agents.other.*", "agents.*.*", "pools.*", "control.drain.other.*", "control.drain.other.x", "control.drain.*.*", "control.drain.>", ">"]) {
      assert.match((await subscribing(nc, subject)) ?? "allowed", /permissions violation/i, subject)
    }
  })
})

describe("a reader of events", () => {
  it("takes what its own consumer has, and can change nothing", async () => {
    const owner = await as(admin)
    const body = { stream_name: "EVENTS", config: { durable_name: "billing", ack_policy: "explicit", deliver_policy: "all" } }
    await owner.request("$JS.API.CONSUMER.CREATE.EVENTS.billing", JSON.stringify(body))
    await owner.close()
    const nc = await as(reader)
    const inbox = createInbox(inboxPrefix(natsUser(reader)))
    const received = new Promise<string>((resolve) => {
      nc.subscribe(inbox, { max: 1, callback: (_error, message) => (message.respond("+ACK"), resolve(message.subject)) })
    })
    nc.publish("$JS.API.CONSUMER.MSG.NEXT.EVENTS.billing", "1", { reply: inbox })
    assert.match(await received, /^jobs\./)
    for (const subject of ["jobs.j.queued.local.noop.p1s0.c", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.other", "$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.CONSUMER.CREATE.EVENTS.billing", "$JS.API.STREAM.PURGE.EVENTS"]) {
      assert.match((await publishing(nc, subject)) ?? "allowed", /permissions violation/i, subject)
    }
    await nc.close()
  })
})
