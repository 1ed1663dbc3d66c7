import { assert, describe, it } from "@effect/vitest"
import { drainLeaseMs } from "../../contract/limits.ts"
import { drainReply, initialLifecycle, isDraining, type Lifecycle, mayPull, renewDrain, stateOf } from "./lifecycle.ts"

const now = 1_000_000
const claim = { job_id: "j", attempt: 1, started_sequence: 5 }
const ready: Lifecycle = { ...initialLifecycle, setup: "done", engine: "ready" }

describe("rule 21: a drain request is a lease", () => {
  it("stops pulling until it runs out", () => {
    const draining = renewDrain(ready, now)
    assert.isFalse(mayPull(draining, now))
    assert.isFalse(mayPull(draining, now + drainLeaseMs - 1))
    assert.isTrue(mayPull(draining, now + drainLeaseMs))
    assert.isTrue(isDraining(renewDrain(draining, now + drainLeaseMs), now + drainLeaseMs + 1))
  })
  it("is confirmed only after the last pull has ended and nothing is held", () => {
    assert.deepStrictEqual(drainReply(ready, "a"), { agent: "a", drained: true, claims: 0 })
    assert.isFalse(drainReply({ ...ready, pulling: true }, "a").drained)
    assert.deepStrictEqual(drainReply({ ...ready, claim }, "a"), { agent: "a", drained: false, claims: 1 })
  })
})

describe("what an agent may do and says", () => {
  it("pulls one at a time, only with an engine and models", () => {
    assert.isTrue(mayPull(ready, now))
    for (const change of [{ pulling: true }, { claim }, { stopping: true }, { setup: "starting" }, { engine: "starting" }] as const) {
      assert.isFalse(mayPull({ ...ready, ...change }, now))
    }
  })
  it("names its state", () => {
    const state = (change: Partial<Lifecycle>) => stateOf({ ...ready, ...change }, now)
    assert.strictEqual(stateOf(initialLifecycle, now), "STARTING")
    assert.strictEqual(state({}), "READY")
    assert.strictEqual(state({ claim }), "BUSY")
    assert.strictEqual(state({ claim, stopping: true, engine: "starting" }), "BUSY")
    assert.strictEqual(state({ stopping: true }), "DRAINING")
    assert.strictEqual(state({ drainUntilMs: now + 1 }), "DRAINING")
    assert.strictEqual(state({ engine: "starting" }), "STARTING")
    assert.strictEqual(state({ engine: "setup_failed" }), "SETUP_FAILED")
    assert.strictEqual(state({ setup: "failed" }), "SETUP_FAILED")
    assert.strictEqual(state({ engine: "defunct" }), "DEFUNCT")
  })
})
