import { assert, describe, it } from "@effect/vitest"
import { inboxPrefix, natsAuthorization, natsPasswordVariable, natsPermissions, type NatsRole, natsUser } from "./natsPermissions.ts"
import { drainSubject, eventNames, eventSubject, heartbeatSubject, laneConsumer, wakeSubject } from "./subjects.ts"

/** As the broker matches. */
const matches = (pattern: string, subject: string): boolean => {
  const [wanted, given] = [pattern.split("."), subject.split(".")]
  for (const [index, token] of wanted.entries()) {
    if (token === ">") return given.length > index
    if (given[index] === undefined || (token !== "*" && token !== given[index])) return false
  }
  return wanted.length === given.length
}
const maySend = (role: NatsRole, subject: string) => natsPermissions(role).publish.some((pattern) => matches(pattern, subject))

const hears = (role: NatsRole, subject: string) => natsPermissions(role).subscribe.some((pattern) => matches(pattern, subject))

const agent: NatsRole = { _tag: "Agent", pool: "h100.eu", models: ["firered-1.1"] }
const roles: ReadonlyArray<NatsRole> = [
  { _tag: "Gateway" },
  { _tag: "Operator" },
  agent,
  { _tag: "AnyAgent" },
  { _tag: "EventReader", consumer: "billing" }
]
const events = (role: NatsRole, pool: string) =>
  eventNames.filter((event) => maySend(role, eventSubject("j", event, { pool, model: "m", lane: "p1s0", client: "c" })))

describe("rights at the broker", () => {
  it("divide the log: who may write which event", () => {
    assert.deepStrictEqual(events({ _tag: "Gateway" }, "any"), ["queued", "failed", "cancelled", "deleted"])
    assert.deepStrictEqual(events({ _tag: "Operator" }, "any"), [])
    assert.deepStrictEqual(events(agent, "h100.eu"), ["started", "released", "completed", "failed"])
    assert.deepStrictEqual(events(agent, "other"), [])
    assert.deepStrictEqual(events({ _tag: "AnyAgent" }, "other"), ["started", "released", "completed", "failed"])
    assert.deepStrictEqual(events({ _tag: "EventReader", consumer: "billing" }, "any"), [])
  })

  it("hold an agent in its pool, also where a name needs encoding", () => {
    const pull = (consumer: string) => `$JS.API.CONSUMER.MSG.NEXT.WORK.${consumer}`
    for (const lane of ["p0s0", "p1s2", "p2s2"]) {
      const consumer = laneConsumer("h100.eu", "firered-1.1", lane)
      assert.isTrue(maySend(agent, pull(consumer)))
      assert.isTrue(maySend(agent, `$JS.ACK.WORK.${consumer}.1.2.3.4.0`))
      assert.isTrue(maySend(agent, `$JS.ACK._.hash.WORK.${consumer}.1.2.3.4.0.x`))
    }
    for (const consumer of [laneConsumer("h100", "firered-1.1", "p0s0"), laneConsumer("h100.eu", "other", "p0s0")]) {
      assert.isFalse(maySend(agent, pull(consumer)))
      assert.isFalse(maySend(agent, `$JS.ACK.WORK.${consumer}.1.2.3.4.0`))
    }
    assert.isTrue(maySend(agent, heartbeatSubject("h100.eu", "a")))
    assert.isFalse(maySend(agent, heartbeatSubject("other", "a")))
    assert.include(natsPermissions(agent).subscribe, wakeSubject("h100.eu"))
    assert.isFalse(hears(agent, wakeSubject("other", "m", "p0s0")))
    assert.isTrue(hears(agent, drainSubject("h100.eu", "a")))
    assert.isFalse(hears(agent, drainSubject("other", "a")))
  })

  it("let nobody but people change streams, and no agent make a consumer", () => {
    for (const role of roles) {
      for (const call of ["STREAM.UPDATE.EVENTS", "STREAM.DELETE.EVENTS", "STREAM.MSG.DELETE.EVENTS", "STREAM.RESTORE.EVENTS"]) {
        assert.isFalse(maySend(role, `$JS.API.${call}`), `${role._tag} ${call}`)
      }
      const makesConsumers = ["EVENTS", "WORK", "OBJ_IMAGES", "KV_KEYS"].filter((stream) => maySend(role, `$JS.API.CONSUMER.CREATE.${stream}.x.y`))
      const expected = role._tag === "Gateway" ? ["EVENTS", "OBJ_IMAGES", "KV_KEYS"] : role._tag === "Operator" ? ["EVENTS", "WORK"] : []
      assert.deepStrictEqual(makesConsumers, expected, role._tag)
    }
  })

  it("show the keys to gateways alone", () => {
    const readers = roles.filter((role) =>
      ["$KV.KEYS.x", "$JS.API.STREAM.MSG.GET.KV_KEYS", "$JS.API.DIRECT.GET.KV_KEYS", "$JS.API.CONSUMER.CREATE.KV_KEYS.x.y"].some((subject) => maySend(role, subject)))
    assert.deepStrictEqual(readers.map(({ _tag }) => _tag), ["Gateway"])
  })

  it("give each user an inbox that no other may hear", () => {
    for (const role of roles) {
      const prefix = inboxPrefix(natsUser(role))
      for (const other of roles) {
        assert.strictEqual(hears(other, `${prefix}.x.y`), other === role, `${other._tag} hears ${role._tag}`)
      }
    }
  })

  it("become a configuration without a password in it", () => {
    const text = natsAuthorization([agent, { _tag: "Operator" }])
    assert.match(text, /user: "agent-h100_2eeu"\n {6}password: \$NATS_PASSWORD_AGENT_H100_2EEU\n/)
    assert.strictEqual(natsPasswordVariable({ _tag: "Gateway" }), "NATS_PASSWORD_GATEWAY")
    assert.strictEqual(text.match(/password/g)?.length, 2)
    assert.match(text, /allow_responses: \{ max: 1, expires: "5000ms" \}/)
  })
})
