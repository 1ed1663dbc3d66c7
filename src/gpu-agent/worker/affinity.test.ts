import { assert, describe, it } from "@effect/vitest"
import { affinityDelayMaxMs, affinityDelayMs } from "./affinity.ts"

const peer = (agent: string, loaded: ReadonlyArray<string>, more: { draining?: boolean; loading?: string } = {}) => ({
  agent,
  draining: more.draining ?? false,
  models_loaded: loaded,
  ...(more.loading === undefined
    ? {}
    : { models_loading: [{ model: more.loading, graphs_loaded: 0, graphs: 1, bytes_loaded: 0, bytes: 1 }] })
})
const manifest = { load_time_ms: 5_000 }
const delay = (alive: ReadonlyArray<ReturnType<typeof peer>>, of: typeof manifest | undefined = manifest) => affinityDelayMs("sdxl", of, alive, "me")

describe("waiting for an agent that has the model", () => {
  it("is as long as a load, where one has it or is loading it", () => {
    assert.strictEqual(delay([peer("me", []), peer("other", ["sdxl"])]), 5_000)
    assert.strictEqual(delay([peer("other", ["starter"], { loading: "sdxl" })]), 5_000)
  })
  it("is nothing where none has it: not this one, not one that drains, not one with another model", () => {
    assert.strictEqual(delay([]), 0)
    assert.strictEqual(delay([peer("me", ["sdxl"])]), 0)
    assert.strictEqual(delay([peer("other", ["sdxl"], { draining: true })]), 0)
    assert.strictEqual(delay([peer("other", ["starter"])]), 0)
  })
  it("is bounded", () => assert.strictEqual(delay([peer("other", ["sdxl"])], { load_time_ms: 3_600_000 }), affinityDelayMaxMs))
  it("is longest for a model of no use here, unless nobody else is there", () => {
    assert.strictEqual(affinityDelayMs("sdxl", undefined, [peer("other", [])], "me"), affinityDelayMaxMs)
    assert.strictEqual(affinityDelayMs("sdxl", undefined, [peer("me", [])], "me"), 0)
  })
})
