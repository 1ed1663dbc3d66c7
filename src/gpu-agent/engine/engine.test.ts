import { assert, describe, it } from "@effect/vitest"
import { tooLarge } from "./bringIn.ts"
import { ProcessEnded, withoutSecrets } from "./EngineProcess.ts"
import { errorOf } from "./exchange.ts"

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

describe("a model that cannot fit", () => {
  const model = { name: "edit", memoryBytes: 46_000_000_000 }
  it("is refused with both figures, and the setting that can be changed", () => {
    assert.deepInclude(tooLarge(model, "cuda", 24_000_000_000), {
      class: "model_error",
      message: "edit needs 46.0 GB on cuda, and its engine may use 24.0 GB (GPU_MEMORY_MAX_BYTES)."
    })
    assert.include(tooLarge(model, "cpu", 8_000_000_000).message, "8.0 GB (ENGINE_MEMORY_MAX_BYTES)")
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
