import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { ModelManifest } from "../../src/contract/ModelManifest.ts"
import { openPlaced } from "../../src/gpu-agent/onnx/openPlaced.ts"
import { card } from "./card.ts"

/** Every graph of every family's tiny model runs on the GPU; on the CPU are at most shape calculations that ONNX Runtime puts there. */

const models = fileURLToPath(new URL("../fixtures/models/", import.meta.url))
const manifestOf = (name: string) =>
  Schema.decodeUnknownSync(Schema.fromJsonString(ModelManifest))(readFileSync(join(models, name, "model.json"), "utf8"))

// Placement is CUDA's: without a card there is nothing to ask.
describe.skipIf(card === undefined)("placement on CUDA", () => {
  for (const name of readdirSync(models).filter((folder) => folder.startsWith("tiny-"))) {
    const { variants } = manifestOf(name)
    const variant = variants.find(({ execution_provider }) => execution_provider === "cuda") ?? variants[0]!
    for (const [role, graph] of Object.entries(variant.graphs)) {
      it.effect(`${name}: ${role} has no node that CUDA cannot run`, () =>
        Effect.scoped(Effect.gen(function*() {
          const session = yield* openPlaced(join(models, name, graph), { provider: "cuda", threads: 1 }, [])
          assert.isAbove(session.outputNames.length, 0)
        })))
    }
  }
})
