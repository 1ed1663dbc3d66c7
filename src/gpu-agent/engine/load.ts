import { Effect, type Scope } from "effect"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { ModelLoading } from "../../contract/AgentMessages.ts"
import type { ModelManifest } from "../../contract/ModelManifest.ts"
import type { ExecutionProvider } from "../onnx/device.ts"
import { readParts } from "../models/readParts.ts"
import { openPlaced } from "../onnx/openPlaced.ts"
import { families } from "../pipelines/families.ts"
import { type Pipeline, PipelineError } from "../pipelines/Pipeline.ts"
import type { Faults } from "./faults.ts"
import { loadingOf, variantFor } from "./loadParts.ts"

export interface LoadSettings {
  readonly provider: ExecutionProvider
  readonly threads: number
  readonly testModels: boolean
  readonly memoryMaxBytes: number
  /** Load models on the CPU that are made for GPUs alone; false when absent. */
  readonly forceCpu?: boolean
  readonly faults: Faults
}

const unloadable = (message: string) => new PipelineError({ class: "model_error", message })

/** Puts a model into memory, by the variant for the execution provider that this engine has. */
export const loadModel = Effect.fn("engine.load")(function*(
  folder: string,
  manifest: ModelManifest,
  settings: LoadSettings,
  onLoading: (loading: ModelLoading) => Effect.Effect<void>
): Effect.fn.Return<Pipeline, PipelineError, Scope.Scope> {
  const { family, name } = manifest
  if (family === "noop" && !settings.testModels) {
    return yield* unloadable(`${name} is a test model; it is loaded only with --test-models or DARKROOM_TEST_MODELS=1.`)
  }
  const load = families[family]
  if (load === undefined) return yield* unloadable(`${name} is of the family ${family}, which this version of Darkroom cannot run.`)
  const variant = variantFor(manifest, settings.provider)
  if (variant === undefined) {
    return yield* unloadable(`${name} has no variant for ${settings.provider}; it has: ${manifest.variants.map((v) => v.execution_provider).join(", ")}.`)
  }
  const loadedRoles = new Set<string>()
  const openGraph = Effect.fnUntraced(function*(role: string) {
    const path = variant.graphs[role]
    if (path === undefined) return yield* unloadable(`model.json of ${name} names no graph for the role ${role}.`)
    yield* onLoading(loadingOf(manifest, settings.provider, loadedRoles, role))
    const session = yield* openPlaced(join(folder, path), settings, variant.cpu_operators ?? [])
    loadedRoles.add(role)
    yield* onLoading(loadingOf(manifest, settings.provider, loadedRoles))
    return settings.faults.session(session, path)
  })
  const hasGraph = (role: string) => variant.graphs[role] !== undefined
  const fromAsset = <A>(role: string, read: (path: string) => Promise<A>): Effect.Effect<A, PipelineError> => {
    const path = manifest.assets?.[role]
    return path === undefined
      ? Effect.fail(unloadable(`model.json of ${name} names no asset for the role ${role}.`))
      : Effect.tryPromise({
        try: () => read(join(folder, path)),
        catch: (cause) => unloadable(`${join(folder, path)} cannot be read: ${cause}`)
      })
  }
  return yield* load({
    manifest,
    openGraph,
    hasGraph,
    readAsset: (role) => fromAsset(role, (path) => readFile(path)),
    readAssetParts: (role, parts) => fromAsset(role, async (path) => readParts(path, parts)),
    executionProvider: settings.provider,
    forceCpu: settings.forceCpu ?? false,
    memoryMaxBytes: settings.memoryMaxBytes
  }).pipe(
    Effect.catchTag("OnnxError", (error) =>
      Effect.fail(new PipelineError({ class: error.isOutOfMemory ? "out_of_memory" : "model_error", message: error.message })))
  )
})
