import type { JobKind, JobParameters } from "../../contract/Job.ts"
import type { Priority } from "../../contract/Lane.ts"

export interface SubmittedImage {
  readonly bytes: Uint8Array
  /** Name of the field that carries it, for messages. */
  readonly field: string
}

/** What a route asks the admission to do, with defaults filled in. */
export interface Submission {
  readonly kind: JobKind
  readonly prompt: string
  /** As asked for; without `seed` a random one is chosen. */
  readonly parameters: JobParameters
  /** In the order in which the model is to see them. */
  readonly images: ReadonlyArray<SubmittedImage>
  readonly priority: Priority
  readonly clientId: string | null
  readonly model: string | undefined
  readonly warnings: ReadonlyArray<string>
  /** Id of the API key. */
  readonly client: string
  readonly idempotencyKey: string | undefined
  /** Join an identical submission that is not finished yet. */
  readonly attach: boolean
}
