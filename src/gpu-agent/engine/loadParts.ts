import type { ModelLoading } from "../../contract/AgentMessages.ts"
import type { ModelManifest, ModelVariant } from "../../contract/ModelManifest.ts"
import type { ExecutionProvider } from "../onnx/device.ts"

/** What of a model is loaded, and how large it is. Pure. */

export const variantFor = (manifest: ModelManifest, provider: ExecutionProvider): ModelVariant | undefined =>
  manifest.variants.find((candidate) => candidate.execution_provider === provider)

/** By the manifest's word; 0 for a provider that it has no variant for, which is refused when it is loaded. */
export const memoryBytesOf = (manifest: ModelManifest, provider: ExecutionProvider): number =>
  variantFor(manifest, provider)?.memory_bytes ?? 0

/** A graph with its external data, which begins with the graph's own path: `unet.onnx`, `unet.onnx.data`. */
const graphBytes = (manifest: ModelManifest, path: string): number =>
  manifest.files.filter((file) => file.path.startsWith(path)).reduce((sum, { bytes }) => sum + bytes, 0)

/** Where the load of a model stands once the graphs of these roles are in memory; `part`: the role that is next. */
export const loadingOf = (
  manifest: ModelManifest,
  provider: ExecutionProvider,
  loadedRoles: ReadonlySet<string> = new Set(),
  part?: string
): ModelLoading => {
  const graphs = Object.entries(variantFor(manifest, provider)?.graphs ?? {}).map(([role, path]) => ({ role, bytes: graphBytes(manifest, path) }))
  const total = (parts: typeof graphs) => parts.reduce((sum, { bytes }) => sum + bytes, 0)
  const loaded = graphs.filter(({ role }) => loadedRoles.has(role))
  return {
    model: manifest.name,
    ...(part === undefined ? {} : { part }),
    graphs_loaded: loaded.length,
    graphs: graphs.length,
    bytes_loaded: total(loaded),
    bytes: total(graphs)
  }
}
