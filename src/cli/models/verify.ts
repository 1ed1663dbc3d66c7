import { Effect, Result } from "effect"
import { checksOf } from "../../gpu-agent/models/checks.ts"
import { installedModels, type InstalledModel, sizeOf } from "./installed.ts"
import { modelPlaces } from "./places.ts"
import { bytesText, say } from "./wording.ts"

/** Reads all of it, whatever was found before; true when everything is right. */
const verify = Effect.fnUntraced(function*(model: InstalledModel, cacheDir: string) {
  if (Result.isFailure(model.manifest)) {
    yield* say(`${model.name}: ${model.manifest.failure}`)
    return false
  }
  const manifest = model.manifest.success
  yield* say(`${model.name}: reading ${bytesText(sizeOf(manifest))}`)
  let wrong = 0
  for (const { path, problem } of checksOf(model.folder, manifest, { cacheDir, sums: "made" })) {
    const found = yield* problem
    if (found === undefined) continue
    wrong++
    yield* say(`  ${path}: ${found}`)
  }
  if (wrong === 0) yield* say(`  all ${manifest.files.length} files are right`)
  return wrong === 0
})

/** `darkroom models verify`: fails when a file is wrong. */
export const verifyModels = Effect.fn("verifyModels")(function*(name: string | undefined) {
  const { cacheDir, roots } = yield* modelPlaces
  const models = installedModels(roots).filter((model) => name === undefined || model.name === name)
  if (models.length === 0) {
    return yield* Effect.fail(new Error(name === undefined
      ? `there are no models in ${roots.join(" or ")} (MODELS_DIR)`
      : `there is no model ${name} in ${roots.join(" or ")} (MODELS_DIR): \`darkroom models list\` shows what there is`))
  }
  const right = yield* Effect.forEach(models, (model) => verify(model, cacheDir))
  const wrong = models.filter((_, index) => !right[index]).map((model) => model.name)
  if (wrong.length > 0) {
    return yield* Effect.fail(new Error(`${wrong.join(", ")}: not as installed. \`darkroom models remove\` and \`add\` install it again.`))
  }
})
