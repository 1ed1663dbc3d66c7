import { createHash } from "node:crypto"

/** How pods of a pool are called and labelled. Pure. */

export const poolLabel = "darkroom.dev/pool"
export const slotLabel = "darkroom.dev/slot"
/** Hash of what the pod was built from; another one now means that it is outdated. */
export const revisionLabel = "darkroom.dev/revision"
/** `true` after half a minute of work: what a PodDisruptionBudget protects. */
export const busyLabel = "darkroom.dev/busy"
export const agentContainer = "agent"
/** Owner of the fields that the operator writes. */
export const fieldManager = "darkroom-operator"

const shortHash = (text: string, length: number): string =>
  BigInt(`0x${createHash("sha256").update(text).digest("hex")}`).toString(36).slice(-length)

const revisionLength = 10
/** Room for a pool of 53 characters and a slot of four digits in a host name of 63. */
const incarnationLength = 4

export const revisionHash = (built: unknown): string => shortHash(JSON.stringify(built), revisionLength)

/**
 * `<pool>-<slot>-<incarnation>` (job-log rule 20). `before` is the UID of the pod that was last seen in the slot, so two
 * operators that see the same fleet name the same pod, and only one of their creations succeeds; without one, whatever
 * both know of the pool (its UID, when it was last scaled).
 */
export const podName = (pool: string, slot: number, before: string): string =>
  `${pool}-${slot}-${shortHash(`${pool}/${slot}/${before}`, incarnationLength)}`

/** The selector of a pool's pods, as `status.selector` has it. */
export const selectorOf = (pool: string): string => `${poolLabel}=${pool}`
