import { Effect } from "effect"
import type { LoadPipeline, OnStep, PipelineRequest } from "../Pipeline.ts"
import { PipelineError } from "../Pipeline.ts"
import { imageToImage } from "./imageToImage.ts"
import { openModel } from "./model.ts"
import { frames, textToImage } from "./textToImage.ts"

/** Stable Diffusion XL: pictures from words, alone, over a picture, or as frames. */
export const loadSdxl: LoadPipeline = Effect.fnUntraced(function*(context) {
  const model = yield* openModel(context)
  const run = (request: PipelineRequest, onStep: OnStep) => {
    switch (request.kind) {
      case "text_to_image":
        return textToImage(model, request, onStep)
      case "frames":
        return frames(model, request, onStep)
      case "edit":
      case "image_to_image":
        return imageToImage(model, request, onStep)
      case "text":
        return Effect.fail(new PipelineError({ class: "invalid_input", message: `${context.manifest.name} draws pictures; it does not write text.` }))
    }
  }
  return { run }
})
