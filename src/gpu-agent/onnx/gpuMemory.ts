import { Effect } from "effect"
import { execFile } from "node:child_process"
import { promisify } from "node:util"

const run = promisify(execFile)
const timeoutMs = 10_000
const mib = 1024 ** 2

/** Pure: the first line of nvidia-smi's answer, in MiB; `undefined` for what is no number, such as `[N/A]` of a MIG slice. */
export const parseMemoryTotal = (text: string): number | undefined => {
  const [line = ""] = text.trim().split("\n")
  return /^\d+$/.test(line.trim()) ? Number(line) * mib : undefined
}

/**
 * Bytes of the GPU that CUDA counts as its first (`CUDA_VISIBLE_DEVICES`); `undefined` when the driver's tool does not say.
 * ONNX Runtime has no way to ask.
 */
export const gpuMemoryBytes = (environment: Readonly<Record<string, string | undefined>>): Effect.Effect<number | undefined> => {
  const [device = "0"] = (environment["CUDA_VISIBLE_DEVICES"] ?? "").split(",").filter((name) => name !== "")
  const args = ["--query-gpu=memory.total", "--format=csv,noheader,nounits", `--id=${device}`]
  return Effect.tryPromise(() => run("nvidia-smi", args, { timeout: timeoutMs })).pipe(
    Effect.map(({ stdout }) => parseMemoryTotal(stdout)),
    Effect.catch(() => Effect.undefined)
  )
}
