import { Effect } from "effect"
import type { ModelManifest } from "../../../contract/ModelManifest.ts"
import type { PipelineContext } from "../Pipeline.ts"
import { decodeSettings, type SdxlSettings } from "./settings.ts"
import { openTextEncoders, type TextEncoders } from "./textEncoders.ts"
import { openUnet, type PredictNoise } from "./unet.ts"
import { openVae, type Vae } from "./vae.ts"

/** The parts of a loaded model. */
export interface SdxlModel {
  readonly manifest: ModelManifest
  readonly settings: SdxlSettings
  readonly textEncoders: TextEncoders
  readonly predictNoise: PredictNoise
  readonly vae: Vae
}

export const openModel = Effect.fnUntraced(function*(context: PipelineContext) {
  const settings = yield* decodeSettings(context.manifest)
  const model: SdxlModel = {
    manifest: context.manifest,
    settings,
    textEncoders: yield* openTextEncoders(context, settings),
    predictNoise: yield* openUnet(context, settings),
    vae: yield* openVae(context, settings)
  }
  return model
})
