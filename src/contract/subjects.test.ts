import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { laneName, lanes, parseLane, shareOf } from "./Lane.ts"
import * as subjects from "./subjects.ts"

const route = { pool: "h100.eu", model: "FireRed 1.1", lane: "p1s0", client: "a.b>*" }

describe("subjects", () => {
  it.prop("any text becomes one token and back", [Schema.String], ([text]) => {
    const wellFormed = text.toWellFormed()
    const token = subjects.encodeToken(wellFormed)
    assert.match(token, /^[A-Za-z0-9_-]+$/)
    assert.strictEqual(subjects.decodeToken(token), wellFormed)
  })

  it("a name with dots and wildcards adds no token", () => {
    const subject = subjects.eventSubject("job-1", "queued", route)
    assert.strictEqual(subject, "jobs.job-1.queued.h100_2eeu.FireRed_201_2e1.p1s0.a_2eb_3e_2a")
    assert.deepStrictEqual(subjects.parseEventSubject(subject), { job: "job-1", event: "queued", ...route })
  })

  it("a work subject says the same as the event it is made from", () => {
    assert.deepStrictEqual(subjects.parseWorkSubject(subjects.workSubject("job-1", route)), { job: "job-1", ...route })
  })

  it("subjects of another shape are not ours", () => {
    assert.isUndefined(subjects.parseEventSubject("jobs.a.queued.b.c.d"))
    assert.isUndefined(subjects.parseWorkSubject("jobs.a.b.c.d.e"))
    assert.isUndefined(subjects.parseLaneConsumer("something-else"))
    assert.isUndefined(subjects.parseLaneConsumer("a=b=nolane"))
  })

  it("a consumer's name holds its pool, model and lane", () => {
    const name = subjects.laneConsumer("h100.eu", "sdxl", "p0s2")
    assert.notMatch(name, /[\s.*>/\\]/)
    assert.deepStrictEqual(subjects.parseLaneConsumer(name), { pool: "h100.eu", model: "sdxl", lane: "p0s2" })
  })
})

describe("lanes", () => {
  it("are nine, each named once", () => {
    assert.strictEqual(new Set(lanes.map(laneName)).size, 9)
    for (const lane of lanes) assert.deepStrictEqual(parseLane(laneName(lane)), lane)
  })

  it("rule 13: nobody's first job waits behind somebody's fifth", () => {
    assert.deepStrictEqual([0, 1, 3, 4, 500].map(shareOf), [0, 1, 1, 2, 2])
  })
})
