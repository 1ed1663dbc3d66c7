import type { Heartbeat } from "../../contract/AgentMessages.ts"
import type { ModelManifest } from "../../contract/ModelManifest.ts"

/** How long a job waits for an agent that has its model in memory, before this one, which has not, may take it. Pure. */

/** Nobody waits longer for a model that another agent has. */
export const affinityDelayMaxMs = 30_000

type Peer = Pick<Heartbeat, "agent" | "draining" | "models_loaded" | "models_loading">

const has = (peer: Peer, model: string): boolean =>
  peer.models_loaded.includes(model) || peer.models_loading?.some((loading) => loading.model === model) === true

/**
 * As long as a load would take here, where another agent has the model or is about to; not at all where none has.
 * A model that is of no use here, whose jobs can only be told so, is left to any other agent for the longest time.
 */
export const affinityDelayMs = (
  model: string,
  manifest: Pick<ModelManifest, "load_time_ms"> | undefined,
  alive: ReadonlyArray<Peer>,
  self: string
): number => {
  const peers = alive.filter((peer) => peer.agent !== self && !peer.draining)
  if (manifest === undefined) return peers.length === 0 ? 0 : affinityDelayMaxMs
  return peers.some((peer) => has(peer, model)) ? Math.min(manifest.load_time_ms, affinityDelayMaxMs) : 0
}
