import { assert, describe, it } from "@effect/vitest"
import { needsRoom } from "./Engine.ts"
import { ProcessEnded, withoutSecrets } from "./EngineProcess.ts"
import { errorOf } from "./exchange.ts"
import type { StoredModel } from "../models/ModelStore.ts"

const model = (memoryBytes: number) => ({ folder: "", manifest: {} as StoredModel["manifest"], memoryBytes })
const loaded = (...sizes: ReadonlyArray<number>) => new Map(sizes.map((memoryBytes, i) => [`m${i}`, { memoryBytes }]))

describe("what the engine is given", () => {
  it("is the environment without secrets", () => {
    const environment = {
      PATH: "/bin",
      LD_LIBRARY_PATH: "/cuda",
      CUDA_VISIBLE_DEVICES: "0",
      NATS_URL: "nats://user:pass@host",
      NATS_PASSWORD: "x",
      DARKROOM_API_KEY: "x",
      AWS_SECRET_ACCESS_KEY: "x",
      GITHUB_TOKEN: "x"
    }
    assert.deepStrictEqual(withoutSecrets(environment), { PATH: "/bin", LD_LIBRARY_PATH: "/cuda", CUDA_VISIBLE_DEVICES: "0" })
  })
})

describe("room for models", () => {
  it("is there while all fit, and made by a new process when they do not", () => {
    assert.isFalse(needsRoom(loaded(), model(200), 100))
    assert.isFalse(needsRoom(loaded(40), model(60), 100))
    assert.isTrue(needsRoom(loaded(40), model(61), 100))
    assert.isTrue(needsRoom(loaded(40, 50), model(20), 100))
  })
})

describe("the end of the process during a run", () => {
  const tagOf = (killedFor?: string) =>
    errorOf(new ProcessEnded({ how: "signal SIGKILL", ...(killedFor === undefined ? {} : { killedFor }) }), "at step 2 of 4", {
      timeoutMs: 5_000,
      memoryMaxBytes: 1024 ** 2
    })
  it("is told by why it was killed", () => {
    assert.strictEqual(tagOf("memory")._tag, "EngineOutOfMemory")
    assert.strictEqual(tagOf("timeout")._tag, "EngineTimeout")
    for (const reason of [undefined, "nonsense", "cancel"]) assert.strictEqual(tagOf(reason)._tag, "EngineCrashed")
  })
  it("says where", () => assert.strictEqual(tagOf().message, "the engine ended with signal SIGKILL while at step 2 of 4"))
})
