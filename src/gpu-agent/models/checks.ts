import { Effect } from "effect"
import { join } from "node:path"
import type { ModelManifest } from "../../contract/ModelManifest.ts"
import { readOnnxFile } from "./onnxFile.ts"
import { graphProblem, manifestProblem } from "./onnxRules.ts"
import { isVerified, type Sums } from "./verification.ts"

/** One thing that must be right about a model before the engine sees it; `problem` is what is wrong with it. */
export interface ModelCheck {
  /** The file. */
  readonly path: string
  readonly bytes: number
  readonly problem: Effect.Effect<string | undefined>
}

const inspectGraph = (folder: string, path: string, manifest: ModelManifest): Effect.Effect<string | undefined> =>
  Effect.try(() => graphProblem(path, readOnnxFile(join(folder, path)), manifest)).pipe(
    Effect.catch(({ cause }) => Effect.succeed(`it is no ONNX graph: ${cause instanceof Error ? cause.message : String(cause)}.`))
  )

/** Of each file its sum first, then, when it is a graph, what it asks for. */
export const checksOf = (folder: string, manifest: ModelManifest, sums: Sums): ReadonlyArray<ModelCheck> => {
  const graphs = new Set(manifest.variants.flatMap((variant) => Object.values(variant.graphs)))
  const files = manifest.files.map((file) => ({
    path: file.path,
    bytes: file.bytes,
    problem: Effect.flatMap(isVerified(folder, file, sums), (problem) =>
      problem !== undefined || !graphs.has(file.path) ? Effect.succeed(problem) : inspectGraph(folder, file.path, manifest))
  }))
  return [{ path: "model.json", bytes: 0, problem: Effect.sync(() => manifestProblem(manifest)) }, ...files]
}
