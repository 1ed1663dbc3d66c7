import { assert, describe, it } from "@effect/vitest"
import { originSequence, parseAckSubject } from "./ackSubject.ts"

describe("parseAckSubject", () => {
  const delivery = { consumer: "local=noop=p1s0", deliveryCount: 2, streamSequence: 7, storedAtMs: 1_700_000_000_123, pending: 4 }
  const tail = "WORK.local=noop=p1s0.2.7.9.1700000000123456789.4"

  it("reads the short form, the form with domain and account, and one with a random token behind", () => {
    assert.deepStrictEqual(parseAckSubject(`$JS.ACK.${tail}`), delivery)
    assert.deepStrictEqual(parseAckSubject(`$JS.ACK._.AbC123.${tail}`), delivery)
    assert.deepStrictEqual(parseAckSubject(`$JS.ACK.hub.AbC123.${tail}.x9`), delivery)
  })

  it("anything else is not a delivery", () => {
    for (const subject of ["", "work.a.b.c.d.e", "$JS.ACK.WORK.c.1.2.3.4", `$JS.API.${tail}`, "$JS.ACK.WORK.c.x.2.3.4.5"]) {
      assert.isUndefined(parseAckSubject(subject), subject)
    }
  })
})

describe("originSequence", () => {
  it("is the second word of Nats-Stream-Source, and 0 for what is not of that shape", () => {
    assert.strictEqual(originSequence("EVENTS 42 jobs.*.queued.*.*.*.* work.> jobs.a"), 42)
    assert.strictEqual(originSequence("EVENTS:hash 7"), 7)
    for (const header of ["", "EVENTS", "EVENTS x", "EVENTS -1", "EVENTS 1.5"]) assert.strictEqual(originSequence(header), 0)
  })
})
