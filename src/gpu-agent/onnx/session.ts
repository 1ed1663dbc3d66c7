import { Effect, Schema, type Scope } from "effect"
import { InferenceSession, Tensor } from "onnxruntime-node"
import type { ExecutionProvider } from "./device.ts"

export { Tensor }

/**
 * ONNX Runtime's JavaScript makes float16 tensors of `Float16Array` where there is one, and its native half then reads
 * them as empty. It looks once, at the first tensor: hide the class for that moment, and float16 is `Uint16Array`.
 */
const hideFloat16Array = (): void => {
  const scope = globalThis as { Float16Array?: unknown }
  const hidden = scope.Float16Array
  scope.Float16Array = undefined
  void new Tensor("uint8", new Uint8Array(1), [1])
  scope.Float16Array = hidden
}
hideFloat16Array()

export interface SessionOptions {
  readonly provider: ExecutionProvider
  /** Threads of the CPU provider. */
  readonly threads: number
  /** Fail instead of running a node on the CPU that the provider does not know. */
  readonly refuseCpuFallback?: boolean
}

/** ONNX Runtime refused: `stage` says whether to load a graph or to run it. */
export class OnnxError extends Schema.TaggedError<OnnxError>()("OnnxError", {
  stage: Schema.Literals(["load", "run"]),
  graph: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `ONNX Runtime could not ${this.stage} ${this.graph}: ${textOf(this.cause)}`
  }

  /** An allocation failed, on the CPU or on the GPU. */
  get isOutOfMemory(): boolean {
    return /failed to allocate memory|out of memory|CUDA failure 2\b|bad[ _]alloc/i.test(textOf(this.cause))
  }
}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** `run` blocks this process's event loop until the graph is done, and cannot be cancelled: interrupts wait for its end. */
export interface Session {
  readonly inputNames: ReadonlyArray<string>
  readonly outputNames: ReadonlyArray<string>
  /** ONNX element type of an input, as the graph declares it: `float32`, `float16`, `int64`… */
  readonly inputType: (name: string) => string
  readonly run: (inputs: Readonly<Record<string, Tensor>>) => Effect.Effect<Readonly<Record<string, Tensor>>, OnnxError>
}

/** What ONNX Runtime is told. */
export const nativeOptions = ({ provider, refuseCpuFallback, threads }: SessionOptions): InferenceSession.SessionOptions => ({
  executionProviders: [provider === "cuda" ? { name: "cuda", deviceId: 0 } : "cpu"],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
  extra: {
    session: {
      disable_cpu_ep_fallback: refuseCpuFallback === true ? "1" : "0",
      // Its threads would burn whole cores for a while after every run: broker and gateway share them.
      intra_op: { allow_spinning: "0" }
    }
  }
})

/** A loaded graph; released with the scope. */
export const openSession = Effect.fn("onnx.openSession")(function*(
  path: string,
  options: SessionOptions
): Effect.fn.Return<Session, OnnxError, Scope.Scope> {
  const session = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () => InferenceSession.create(path, nativeOptions(options)),
      catch: (cause) => new OnnxError({ stage: "load", graph: path, cause })
    }),
    (session) => Effect.promise(() => session.release())
  )
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    inputType: (name) => {
      const input = session.inputMetadata.find((candidate) => candidate.name === name)
      return input?.isTensor === true ? input.type : "undefined"
    },
    run: (inputs) =>
      Effect.uninterruptible(
        Effect.tryPromise({
          try: () => session.run(inputs),
          catch: (cause) => new OnnxError({ stage: "run", graph: path, cause })
        })
      )
  }
})
