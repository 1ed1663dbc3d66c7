import { env, InferenceSession } from "onnxruntime-node"
import { nativeOptions } from "./session.ts"

/**
 * Opens a graph with ONNX Runtime's verbose log on standard error, which a process cannot read of itself: `node placementProbe.ts
 * GRAPH cuda|cpu`. Nodes are given to providers before weights go to the GPU, so a graph that is refused costs it no memory.
 */
const [path = "", provider = "cpu"] = process.argv.slice(2)

env.logLevel = "verbose"
const options = nativeOptions({ provider: provider === "cuda" ? "cuda" : "cpu", threads: 1, refuseCpuFallback: provider === "cuda" })
await InferenceSession.create(path, { ...options, logSeverityLevel: 0 }).catch((error: unknown) => {
  process.stdout.write(String(error))
})
