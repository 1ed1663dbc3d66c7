import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { GpuPool } from "../../contract/GpuPool.ts"
import { LogUnavailable } from "../../platform/nats/errors.ts"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { ensureLanes, noLanes, noteLanes, tidyLanes } from "./poolLanes.ts"

const poolOf = (...models: ReadonlyArray<string>) =>
  Schema.decodeUnknownSync(GpuPool)({ apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", metadata: { name: "p" }, spec: { models } })

/** Lanes that write down what is asked of them. */
const recording = (asked: Array<string>, answers: { ensured?: boolean; tidied?: boolean } = {}) => {
  const away = new LogUnavailable({ operation: "ask", cause: "the broker is away" })
  return Layer.mock(Lanes)({
    ensure: (_, models) =>
      Effect.suspend(() => {
        asked.push(`ensure ${models.join()}`)
        return answers.ensured === false ? Effect.fail(away) : Effect.void
      }),
    removeDropped: (_, models) =>
      Effect.suspend(() => {
        asked.push(`tidy ${models.join()}`)
        return answers.tidied === undefined ? Effect.fail(away) : Effect.succeed(answers.tidied)
      })
  })
}

describe("the lanes of a pool", () => {
  it.effect("are made once for the same models, and tidied until none of others is left", () => {
    const asked: Array<string> = []
    const answers = { tidied: false }
    return Effect.gen(function*() {
      const state = noLanes()
      const look = (pool: GpuPool) => Effect.andThen(ensureLanes(state, pool), tidyLanes(state, pool, false))
      yield* look(poolOf("a", "b"))
      yield* look(poolOf("a", "b"))
      assert.deepStrictEqual(asked.splice(0), ["ensure a,b", "tidy a,b", "tidy a,b"])
      answers.tidied = true
      yield* look(poolOf("a", "b"))
      yield* look(poolOf("a", "b"))
      assert.deepStrictEqual(asked.splice(0), ["tidy a,b"], "an idle pool asks nothing")
      yield* look(poolOf("a"))
      assert.deepStrictEqual(asked.splice(0), ["ensure a", "tidy a"])
    }).pipe(Effect.provide(recording(asked, answers)))
  })

  it.effect("are made anew when some of them are found to be gone, and not only because the broker is away", () => {
    const asked: Array<string> = []
    return Effect.gen(function*() {
      const state = noLanes()
      yield* ensureLanes(state, poolOf("a"))
      noteLanes(state, { _tag: "Unreadable", reason: "the broker is away" })
      yield* ensureLanes(state, poolOf("a"))
      assert.deepStrictEqual(asked, ["ensure a"])
      noteLanes(state, { _tag: "Unreadable", reason: "no lanes", lanesMissing: true })
      yield* ensureLanes(state, poolOf("a"))
      yield* ensureLanes(state, poolOf("a"))
      assert.deepStrictEqual(asked, ["ensure a", "ensure a"])
    }).pipe(Effect.provide(recording(asked)))
  })

  it.effect("stay while agents with an earlier spec poll them", () => {
    const asked: Array<string> = []
    return Effect.gen(function*() {
      const state = noLanes()
      yield* ensureLanes(state, poolOf("a"))
      yield* tidyLanes(state, poolOf("a"), true)
      assert.deepStrictEqual(asked, ["ensure a"])
    }).pipe(Effect.provide(recording(asked, { tidied: true })))
  })

  it.effect("that could not be made or removed are tried again", () => {
    const asked: Array<string> = []
    return Effect.gen(function*() {
      const state = noLanes()
      for (let round = 0; round < 2; round++) {
        yield* ensureLanes(state, poolOf("a"))
        yield* tidyLanes(state, poolOf("a"), false)
      }
      assert.deepStrictEqual([asked, state.lanesReadyFor], [["ensure a", "ensure a"], []])
      state.lanesReadyFor = ["a"]
      yield* tidyLanes(state, poolOf("a"), false)
      yield* tidyLanes(state, poolOf("a"), false)
      assert.deepStrictEqual(asked.slice(2), ["tidy a", "tidy a"])
    }).pipe(Effect.provide(recording(asked, { ensured: false })))
  })
})
