import { Effect } from "effect"
import type { RawImage } from "../../../platform/images/hardened.ts"
import { type OnnxError, type Session, Tensor } from "../../onnx/session.ts"
import { type LoadPipeline, PipelineError, type PipelineRequest } from "../Pipeline.ts"
import { type Directions, type Misfortune, parseDirections } from "./directions.ts"

/** The test family: a real graph a step, and whatever goes wrong with models, on request (directions.ts). */

const stepsByDefault = 4
const sideByDefault = 64

/** Deaf to messages and signals that need JavaScript, as a run inside a native library is. */
const block = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

const misfortunes: Record<Misfortune, Effect.Effect<void, PipelineError>> = {
  fail: Effect.fail(new PipelineError({ class: "model_error", message: "noop: failed because the prompt said so" })),
  invalid: Effect.fail(new PipelineError({ class: "invalid_input", message: "noop: refused the input because the prompt said so" })),
  hang: Effect.sync(() => block(Number.POSITIVE_INFINITY)),
  crash: Effect.sync(() => {
    process.kill(process.pid, "SIGSEGV")
    block(Number.POSITIVE_INFINITY)
  })
}

const plain = ({ height, width }: { readonly width: number; readonly height: number }, seed: number): RawImage => {
  const colour = [seed % 256, (seed >>> 8) % 256, (seed >>> 16) % 256]
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3]!
  return { data, width, height }
}

const canvasOf = (request: PipelineRequest, directions: Directions): RawImage => {
  if (directions.size !== undefined) return plain(directions.size, request.seed)
  const { height = sideByDefault, width = sideByDefault } = request.parameters
  return request.inputs[directions.input - 1] ?? plain({ width, height }, request.seed)
}

const apply = (session: Session, image: RawImage, key: number): Effect.Effect<RawImage, OnnxError> =>
  session.run({
    image: new Tensor("uint8", image.data, [image.height, image.width, 3]),
    key: new Tensor("uint8", Uint8Array.of(key), [])
  }).pipe(Effect.map((outputs) => ({ ...image, data: outputs["edited"]!.data as Uint8Array })))

const framesOf = (request: PipelineRequest): number => (request.kind === "frames" ? request.parameters.num_frames ?? 4 : 1)

export const loadNoop: LoadPipeline = Effect.fnUntraced(function*({ openGraph }) {
  const session = yield* openGraph("step")
  const run = Effect.fnUntraced(function*(
    request: PipelineRequest,
    onStep: (step: number, steps: number) => Effect.Effect<void>
  ) {
    const directions = parseDirections(request.prompt)
    const steps = directions.steps ?? request.parameters.steps ?? stepsByDefault
    const dot = plain({ width: 1, height: 1 }, request.seed)
    yield* onStep(0, steps)
    for (let step = 1; step <= steps; step++) {
      for (const name of Object.keys(misfortunes) as Array<Misfortune>) {
        if (directions.at[name] === step) yield* misfortunes[name]
      }
      if (directions.msPerStep > 0) block(directions.msPerStep)
      yield* apply(session, dot, 1)
      yield* onStep(step, steps)
    }
    const parameters = { steps, seed: request.seed }
    if (request.kind === "text") {
      return { images: [], text: `noop read: ${request.prompt}`, finish_reason: "stop" as const, parameters, warnings: [] }
    }
    const canvas = canvasOf(request, directions)
    const images = yield* Effect.forEach(Array.from({ length: framesOf(request) }), (_, frame) =>
      apply(session, canvas, (request.seed + frame) % 255 + 1)
    )
    return { images, parameters, warnings: [] }
  })
  return { run }
})
