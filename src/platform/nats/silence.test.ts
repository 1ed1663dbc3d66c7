import { assert, describe, it } from "@effect/vitest"
import type { Heartbeat } from "../../contract/AgentMessages.ts"
import { heartbeatIntervalMs } from "../../contract/limits.ts"
import { Listening } from "./silence.ts"

const claim = { agent: "agent-1", job_id: "job-1", attempt: 1 }
const silenceMs = 2 * heartbeatIntervalMs

const heartbeat = (overrides: Partial<Heartbeat> = {}): Heartbeat => ({
  agent: "agent-1",
  pool: "local",
  version: "0",
  at: "2026-01-02T03:04:05.678Z",
  interval_ms: heartbeatIntervalMs,
  state: "BUSY",
  draining: false,
  slots: 1,
  claims: [{ job_id: "job-1", attempt: 1, started_sequence: 2 }],
  models_loaded: [],
  execution_provider: "cpu",
  ...overrides
})

const listening = (atMs = 0) => {
  const heard = new Listening()
  heard.connected(atMs)
  return heard
}

describe("rule 2: silence", () => {
  it("is two intervals without a heartbeat that names the claim, counted from the own connect", () => {
    const heard = listening(1_000)
    assert.isFalse(heard.isSilent(claim, 1_000 + silenceMs - 1))
    assert.isTrue(heard.isSilent(claim, 1_000 + silenceMs))
  })

  it("an owner that is heard is not silent", () => {
    const heard = listening()
    for (let at = 0; at <= 20_000; at += heartbeatIntervalMs) heard.hear(heartbeat(), at)
    assert.isFalse(heard.isSilent(claim, 20_000 + silenceMs - 1))
    assert.isTrue(heard.isSilent(claim, 20_000 + silenceMs))
  })

  it("a heartbeat of the same agent that no longer names the claim does not keep it alive", () => {
    const heard = listening()
    heard.hear(heartbeat(), 2_000)
    for (let at = 4_000; at <= 12_000; at += 2_000) heard.hear(heartbeat({ claims: [] }), at)
    assert.isTrue(heard.isSilent(claim, 12_000))
    heard.hear(heartbeat({ claims: [{ job_id: "job-1", attempt: 2, started_sequence: 9 }] }), 12_000)
    assert.isTrue(heard.isSilent(claim, 12_000), "nor does another attempt")
    assert.isFalse(heard.isSilent({ ...claim, attempt: 2 }, 12_000))
  })

  it("a reconnect starts the count again, and nobody is silent while this program hears nothing", () => {
    const heard = listening()
    heard.hear(heartbeat(), 0)
    assert.isTrue(heard.isSilent(claim, 10_000))
    heard.disconnected()
    assert.isFalse(heard.isSilent(claim, 60_000))
    heard.connected(60_000)
    assert.isFalse(heard.isSilent(claim, 60_000 + silenceMs - 1))
    assert.isTrue(heard.isSilent(claim, 60_000 + silenceMs))
  })

  it("the interval is the agent's own, within bounds", () => {
    const heard = listening()
    heard.hear(heartbeat({ interval_ms: 10_000 }), 0)
    assert.isFalse(heard.isSilent(claim, 19_999))
    assert.isTrue(heard.isSilent(claim, 20_000))
    heard.hear(heartbeat({ interval_ms: 3_600_000 }), 20_000)
    assert.isTrue(heard.isSilent(claim, 20_000 + 60_000))
  })

  it("alive are those heard within the silence time, by pool", () => {
    const heard = listening()
    heard.hear(heartbeat(), 0)
    heard.hear(heartbeat({ agent: "agent-2", pool: "other" }), 3_000)
    assert.deepStrictEqual(heard.alive(silenceMs - 1).map(({ agent }) => agent), ["agent-1", "agent-2"])
    assert.deepStrictEqual(heard.alive(silenceMs - 1, "other").map(({ agent }) => agent), ["agent-2"])
    assert.deepStrictEqual(heard.alive(silenceMs).map(({ agent }) => agent), ["agent-2"])
  })
})
