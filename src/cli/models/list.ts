import { Effect, Result } from "effect"
import { existsSync } from "node:fs"
import { exportableFamilies, knownModels } from "../../contract/modelCatalogue.ts"
import type { ModelManifest } from "../../contract/ModelManifest.ts"
import { installedModels, isVerifiedModel, problemAtAGlance, sizeOf, type InstalledModel } from "./installed.ts"
import { modelPlaces, unfinishedOf } from "./places.ts"
import { bytesText, say } from "./wording.ts"

const variantsOf = (manifest: ModelManifest): string =>
  manifest.variants.map((variant) => `${variant.execution_provider}-${variant.precision} (${bytesText(variant.memory_bytes)} while it runs)`).join(", ")

const describe = (manifest: ModelManifest): string =>
  `${manifest.name} ${manifest.version}  ${manifest.family}  ${manifest.kinds.join(", ")}\n` +
  `  ${variantsOf(manifest)}\n` +
  `  ${bytesText(sizeOf(manifest))} on disk, ${manifest.license}${manifest.loras === undefined ? "" : `, adapters: ${manifest.loras.map((lora) => lora.name).join(", ")}`}`

const sayModel = Effect.fnUntraced(function*(model: InstalledModel, cacheDir: string) {
  yield* say(Result.isSuccess(model.manifest) ? describe(model.manifest.success) : model.name)
  const problem = yield* problemAtAGlance(model, cacheDir)
  if (problem !== undefined) return yield* say(`  WRONG: ${problem}`)
  yield* say((yield* isVerifiedModel(model, cacheDir)) ? "  verified" : `  its sums were not checked yet: darkroom models verify ${model.name}`)
})

/** `darkroom models list` */
export const listModels = Effect.fn("listModels")(function*() {
  const { cacheDir, roots } = yield* modelPlaces
  const installed = installedModels(roots)
  yield* say(installed.length === 0 ? `no models in ${roots.join(" or ")}` : `in ${roots.join(" and ")}:\n`)
  for (const model of installed) yield* sayModel(model, cacheDir)
  const missing = knownModels.filter((known) => !installed.some((model) => model.name === known.name))
  if (missing.length === 0) return
  yield* say("\ncould be added (sizes are estimates):\n")
  for (const { description, estimate, family, license, name } of missing) {
    const kinds = exportableFamilies[family]?.kinds.join(", ") ?? ""
    yield* say(`darkroom models add ${name}\n  ${kinds}. ${description} ${license.id}`)
    yield* say(`  fetches about ${bytesText(estimate.download_bytes)}, keeps ${bytesText(estimate.export_bytes)}, needs ${bytesText(estimate.memory_bytes)} of memory meanwhile`)
    if (existsSync(unfinishedOf(roots[0], name))) yield* say("  begun and not finished: the same command goes on")
  }
})
