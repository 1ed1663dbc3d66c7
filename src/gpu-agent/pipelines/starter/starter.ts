import { Effect, Schema } from "effect"
import type { RawImage } from "../../../platform/images/hardened.ts"
import { Tensor } from "../../onnx/session.ts"
import { type LoadPipeline, type OnStep, PipelineError, type PipelineRequest } from "../Pipeline.ts"
import { tokenise } from "./tokens.ts"
import { warningsOf } from "./outcome.ts"

/**
 * The small edit model that ships with Darkroom. One graph does all: it takes the whole picture and the words' bytes,
 * and gives the edited picture and how strongly each edit was applied. Here is only what goes in and what comes out.
 */

/** `settings` of its manifest: the names of the edits, in the order of the graph's `gates`, and of the looks made of them. */
const StarterSettings = Schema.Struct({ edits: Schema.Array(Schema.String), looks: Schema.Array(Schema.String) })

const imageTensor = (image: RawImage) => new Tensor("uint8", image.data, [image.height, image.width, 3])

export const loadStarter: LoadPipeline = Effect.fnUntraced(function*({ manifest, openGraph }) {
  const settings = yield* Schema.decodeUnknownEffect(StarterSettings)(manifest.settings).pipe(
    Effect.mapError((error) =>
      new PipelineError({ class: "model_error", message: `model.json of ${manifest.name}: settings: ${error.message}` })
    )
  )
  const session = yield* openGraph("edit")
  const run = Effect.fnUntraced(function*(request: PipelineRequest, onStep: OnStep) {
    const input = request.inputs[0]
    if (input === undefined) {
      return yield* new PipelineError({ class: "invalid_input", message: `${manifest.name} edits a photo, and none was given.` })
    }
    yield* onStep(0, 1)
    const { data, words } = tokenise(request.prompt)
    const outputs = yield* session.run({
      image: imageTensor(input),
      tokens: new Tensor("int64", data, [words, data.length / words]),
      seed: new Tensor("int64", BigInt64Array.of(BigInt(request.seed)), [])
    })
    yield* onStep(1, 1)
    const edited = outputs["edited"]!.data as Uint8Array
    const unchanged = Buffer.compare(edited, input.data) === 0
    return {
      images: [{ ...input, data: edited }],
      parameters: { seed: request.seed },
      warnings: warningsOf({ ...settings, gates: outputs["gates"]!.data as Float32Array, unchanged })
    }
  })
  return { run }
})
