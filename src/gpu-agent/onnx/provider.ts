import { Effect, Schema } from "effect"
import { fileURLToPath } from "node:url"
import type { Device, ExecutionProvider } from "./device.ts"
import { openSession, type SessionOptions, Tensor } from "./session.ts"

/** The execution provider that was asked for does not work here. */
export class ProviderUnavailable extends Schema.TaggedError<ProviderUnavailable>()("ProviderUnavailable", {
  message: Schema.String
}) {}

/** What this machine runs graphs on, proven by a run; `warnings` say what it does without. */
export interface ProbedProvider {
  readonly provider: ExecutionProvider
  readonly warnings: ReadonlyArray<string>
}

const probeGraph = fileURLToPath(new URL("./probe.onnx", import.meta.url))

/** Loads and runs a graph of one node, with no other provider to fall back to. */
const probe = (options: SessionOptions) =>
  Effect.scoped(
    Effect.gen(function*() {
      const session = yield* openSession(probeGraph, { ...options, refuseCpuFallback: options.provider !== "cpu" })
      yield* session.run({ x: new Tensor("float32", Float32Array.of(1, 2, 3, 4), [4]) })
    })
  )

const cudaFix =
  "Check `nvidia-smi`, install the CUDA libraries of onnxruntime-node (docs/settings.md), or set DARKROOM_DEVICE=cpu."

/**
 * `auto`: CUDA when it really runs, else the CPU with a warning that says why. `cuda` or `cpu`: that one or an error,
 * because a job that takes minutes on a CPU is no replacement for one that takes seconds on a GPU.
 */
export const chooseProvider = Effect.fn("onnx.chooseProvider")(function*(
  device: Device,
  threads: number
): Effect.fn.Return<ProbedProvider, ProviderUnavailable> {
  const warnings: Array<string> = []
  if (device !== "cpu") {
    const cuda = yield* Effect.result(probe({ provider: "cuda", threads }))
    if (cuda._tag === "Success") return { provider: "cuda", warnings }
    const reason = cuda.failure.message
    if (device === "cuda") {
      return yield* new ProviderUnavailable({ message: `CUDA was asked for (DARKROOM_DEVICE=cuda) but does not work: ${reason}. ${cudaFix}` })
    }
    warnings.push(`CUDA does not work here, so models run on the CPU: ${reason}`)
  }
  yield* probe({ provider: "cpu", threads }).pipe(
    Effect.mapError((error) => new ProviderUnavailable({ message: `ONNX Runtime does not work here: ${error.message}. Run npm ci again.` }))
  )
  return { provider: "cpu", warnings }
})
