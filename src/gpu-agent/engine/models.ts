import { Effect, Exit, Scope } from "effect"
import type { ModelManifest } from "../../contract/ModelManifest.ts"
import type { Pipeline, PipelineError } from "../pipelines/Pipeline.ts"
import type { OnLoading } from "./exchange.ts"
import { loadModel, type LoadSettings } from "./load.ts"

export interface LoadedModel {
  readonly manifest: ModelManifest
  readonly pipeline: Pipeline
}

/** The models in this process's memory, each with a scope of its own: what a model opened is released with it alone. */
export interface Models {
  readonly get: (name: string) => LoadedModel | undefined
  /** A load that fails leaves nothing behind. */
  readonly load: (folder: string, manifest: ModelManifest, settings: LoadSettings, onLoading: OnLoading) => Effect.Effect<void, PipelineError>
  readonly unload: (name: string) => Effect.Effect<void>
}

export const makeModels = (): Models => {
  const loaded = new Map<string, LoadedModel & { readonly scope: Scope.Closeable }>()

  const unload = Effect.fnUntraced(function*(name: string) {
    const model = loaded.get(name)
    loaded.delete(name)
    if (model !== undefined) yield* Scope.close(model.scope, Exit.void)
  })

  const load: Models["load"] = Effect.fnUntraced(function*(folder, manifest, settings, onLoading) {
    yield* unload(manifest.name)
    const scope = yield* Scope.make()
    const pipeline = yield* Scope.provide(loadModel(folder, manifest, settings, onLoading), scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
    loaded.set(manifest.name, { manifest, pipeline, scope })
  })

  return { get: (name) => loaded.get(name), load, unload }
}
