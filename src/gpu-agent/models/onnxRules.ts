import { posix } from "node:path"
import type { ModelManifest } from "../../contract/ModelManifest.ts"
import type { OnnxContents } from "./onnxFile.ts"

/** What a model's files may ask of ONNX Runtime. Pure. */

/** Domains whose operators are part of ONNX Runtime; any other needs a library of the model's own, which is code. */
const builtInDomains = new Set(["", "ai.onnx.ml", "com.microsoft"])
const isBuiltIn = (domain: string): boolean => builtInDomains.has(domain) || domain.startsWith("com.microsoft.")

/** Loads a compiled program from a file that it names itself. */
const refusedOperators = new Set(["com.microsoft::EPContext"])

const isLibrary = (path: string): boolean => /\.(?:so(?:\.[\d.]+)?|dll|dylib)$/i.test(path)

const locationProblem = (graphPath: string, location: string, listed: ReadonlySet<string>): string | undefined => {
  const shown = JSON.stringify(location)
  if (/^(?:[/\\]|[a-z]:)|\\/i.test(location)) return `it reads tensors from ${shown}, which is not a path inside the model's folder.`
  if (location.split("/").includes("..")) return `it reads tensors from ${shown}, and a path with ".." may leave the model's folder.`
  const path = posix.join(posix.dirname(graphPath), location)
  return listed.has(path) ? undefined : `it reads tensors from ${shown}, which is not among the files of model.json, so it has no sha256.`
}

const operatorProblem = (name: string): string | undefined => {
  const domain = name.slice(0, name.indexOf("::"))
  if (refusedOperators.has(name)) return `it has the operator ${name}, which loads compiled code.`
  return isBuiltIn(domain) ? undefined : `it needs the operator ${name}: operators that ONNX Runtime does not have are code, and are not loaded.`
}

/** The first thing about a graph that is refused. `graphPath` is relative to the model's folder. */
export const graphProblem = (graphPath: string, contents: OnnxContents, manifest: ModelManifest): string | undefined => {
  const listed = new Set(manifest.files.map((file) => file.path))
  for (const location of contents.externalLocations) {
    const problem = locationProblem(graphPath, location, listed)
    if (problem !== undefined) return problem
  }
  for (const name of contents.operators) {
    const problem = operatorProblem(name)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** What is wrong with the manifest by itself: files without a sum, and libraries. */
export const manifestProblem = (manifest: ModelManifest): string | undefined => {
  const listed = new Set(manifest.files.map((file) => file.path))
  const library = manifest.files.find((file) => isLibrary(file.path))
  if (library !== undefined) return `${library.path} is a library; models are graphs and tables, and code of theirs is not loaded.`
  const graph = manifest.variants.flatMap((variant) => Object.values(variant.graphs)).find((path) => !listed.has(path))
  if (graph !== undefined) return `the graph ${graph} is not among its files, so it has no sha256.`
  const asset = Object.values(manifest.assets ?? {}).find((path) => !listed.has(path))
  return asset === undefined ? undefined : `the asset ${asset} is not among its files, so it has no sha256.`
}
