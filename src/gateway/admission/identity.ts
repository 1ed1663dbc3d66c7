import { createHash } from "node:crypto"
import type { JobKind, JobParameters } from "../../contract/Job.ts"

/** Who a job is: its id, and the hash by which two submissions are the same. Pure. */

/** Namespace of ids made from an Idempotency-Key; never change it, or old keys start new jobs. */
const namespace = Buffer.from("5f0cbd1f7e3d4d5f9c6e0b1d4a7c2e90", "hex")

/** RFC 9562 version 5. */
export const uuidV5 = (name: string): string => {
  const bytes = createHash("sha1").update(namespace).update(name).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The lengths keep `("a", "bc")` and `("ab", "c")` apart. */
export const idempotentJobId = (keyId: string, idempotencyKey: string, generation: number): string =>
  uuidV5(JSON.stringify([keyId, idempotencyKey, generation]))

export const sha256Hex = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

export interface HashedSubmission {
  readonly kind: JobKind
  readonly prompt: string
  /** As asked for: without a seed that was chosen for the caller. */
  readonly parameters: JobParameters
  readonly priority: number
  readonly clientId: string | null
  readonly model: string | undefined
  /** Of each picture, in order. */
  readonly imageSha256s: ReadonlyArray<string>
}

/** Equal for equal submissions, however their JSON was ordered or their defaults spelt out. */
export const requestHash = (submission: HashedSubmission): string => {
  // One picture or none hashes as it did when there could be no more: a key used before an upgrade stays good.
  const [first = null, ...further] = submission.imageSha256s
  const parameters = Object.entries(submission.parameters).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash("sha256")
    .update(JSON.stringify([
      submission.kind, submission.prompt, parameters, submission.priority, submission.clientId,
      submission.model ?? null, first, ...further
    ]))
    .digest("hex")
}
