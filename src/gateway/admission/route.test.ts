import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { GpuPoolSpec } from "../../contract/GpuPool.ts"
import type { PoolView } from "../pools/PoolRegistry.ts"
import { chooseDestination, defaultPoolOf, explainNoDestination, type RouteRequest } from "./route.ts"

const pool = (name: string, models: ReadonlyArray<string>, lanesReadyFor: ReadonlyArray<string> = models): PoolView => ({
  name,
  spec: Schema.decodeUnknownSync(GpuPoolSpec)({ models }),
  status: undefined,
  lanesReadyFor
})

const ask = (overrides: Partial<RouteRequest> = {}): RouteRequest => ({
  kind: "edit",
  model: undefined,
  defaultModel: undefined,
  defaultEditPool: undefined,
  ...overrides
})

const chosen = (pools: ReadonlyArray<PoolView>, request: RouteRequest) =>
  Result.match(chooseDestination(pools, request), {
    onSuccess: ({ model, pool }) => `${pool}/${model}`,
    onFailure: ({ reason }) => reason
  })

describe("chooseDestination", () => {
  it("an edit goes to the first model of the first pool by default", () => {
    assert.strictEqual(chosen([pool("a", ["x", "y"]), pool("b", ["z"])], ask()), "a/x")
  })
  it("an edit goes to the configured pool, and to its first model", () => {
    assert.strictEqual(chosen([pool("a", ["x"]), pool("b", ["z"])], ask({ defaultEditPool: "b" })), "b/z")
  })
  it("the configured model wins over the pool's first, and the body over both", () => {
    const pools = [pool("a", ["x", "y", "w"])]
    assert.strictEqual(chosen(pools, ask({ defaultModel: "y" })), "a/y")
    assert.strictEqual(chosen(pools, ask({ defaultModel: "y", model: "w" })), "a/w")
  })
  it("a model that the edit pool does not serve goes to the pool that does", () => {
    assert.strictEqual(chosen([pool("a", ["x"]), pool("b", ["z"])], ask({ model: "z" })), "b/z")
  })
  it("the edit pool is preferred among those that serve the model", () => {
    assert.strictEqual(chosen([pool("a", ["x"]), pool("b", ["x"])], ask({ model: "x", defaultEditPool: "b" })), "b/x")
  })
  it("a pool gets no job before its lanes are ready", () => {
    assert.strictEqual(chosen([pool("a", ["x"], [])], ask()), "not_ready")
    assert.strictEqual(chosen([pool("a", ["x"], []), pool("b", ["x"])], ask({ model: "x" })), "b/x")
  })
  it("lanes of a model that the pool no longer lists are not used", () => {
    assert.strictEqual(chosen([pool("a", ["x"], ["x", "old"])], ask({ model: "old" })), "no_pool_lists_it")
  })
  it("other kinds have no model without configuration", () => {
    for (const kind of ["image_to_image", "text_to_image", "frames", "text"] as const) {
      assert.strictEqual(chosen([pool("a", ["x"])], ask({ kind })), "no_default_model")
    }
    assert.strictEqual(chosen([], ask()), "no_default_model")
  })
  it("each refusal says what to do", () => {
    assert.include(explainNoDestination({ reason: "no_default_model", kind: "text" }), "DEFAULT_TEXT_MODEL")
    assert.include(explainNoDestination({ reason: "no_pool_lists_it", model: "m" }), "`darkroom models add m --family FAMILY --from FOLDER`")
    assert.include(explainNoDestination({ reason: "no_pool_lists_it", model: "sdxl-base-1.0" }), "`darkroom models add sdxl-base-1.0`")
    assert.include(explainNoDestination({ reason: "not_ready", model: "m", pool: "p" }), "darkroom up")
  })
})

describe("a kind without a model", () => {
  it.each([
    ["edit", "firered-image-edit-1.1"],
    ["image_to_image", "firered-image-edit-1.1"],
    ["text_to_image", "sdxl-base-1.0"],
    ["frames", "sdxl-base-1.0"],
    ["text", "mistral-7b-instruct-v0.1"]
  ] as const)("%s: says the line that installs %s", (kind, model) =>
    assert.include(explainNoDestination({ reason: "no_default_model", kind }), `\`darkroom models add ${model}\``))
})

describe("defaultPoolOf", () => {
  it("a configured pool that does not exist is not replaced by another", () => {
    assert.isUndefined(defaultPoolOf([pool("a", ["x"])], "b"))
  })
})
