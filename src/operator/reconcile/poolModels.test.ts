import { assert, describe, it } from "@effect/vitest"
import type { Sighting } from "../fleet/observe.ts"
import { sightingFacts } from "../../testing/podFacts.ts"
import { poolModels } from "./poolModels.ts"

const loading = (model: string, bytes_loaded: number) => ({ model, graphs_loaded: 0, graphs: 4, bytes_loaded, bytes: 200 })
const agent = (loaded: ReadonlyArray<string>, ...on: ReadonlyArray<ReturnType<typeof loading>>): Sighting =>
  sightingFacts("a", 0, { models: { models_loaded: loaded, ...(on.length === 0 ? {} : { models_loading: on }) } })

describe("the models of a pool", () => {
  it("are those that agents have in memory or are loading, with how far they are", () => {
    assert.deepStrictEqual(poolModels([agent(["starter"]), agent(["starter", "sdxl"]), agent([], loading("sdxl", 50)), agent([], loading("sdxl", 150))], undefined), [
      { name: "sdxl", loadedReplicas: 1, loadingReplicas: 2, loadedPercent: 50 },
      { name: "starter", loadedReplicas: 2, loadingReplicas: 0 }
    ])
    assert.deepStrictEqual(poolModels([], undefined), [])
  })
  it("stand as they were told while not every ready agent was heard", () => {
    const before = [{ name: "sdxl", loadedReplicas: 3, loadingReplicas: 0 }]
    const unheard = sightingFacts("b", 0, { heardAt: undefined })
    assert.deepStrictEqual(poolModels([agent(["starter"]), unheard], before), before)
    assert.deepStrictEqual(poolModels([agent(["starter"])], before), [{ name: "starter", loadedReplicas: 1, loadingReplicas: 0 }])
  })
})
