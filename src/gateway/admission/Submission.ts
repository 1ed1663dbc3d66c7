import type { JobKind, JobParameters } from "../../contract/Job.ts"
import type { Priority } from "../../contract/Lane.ts"

/** What a route asks the admission to do, with defaults filled in. */
export interface Submission {
  readonly kind: JobKind
  readonly prompt: string
  /** As asked for; without `seed` a random one is chosen. */
  readonly parameters: JobParameters
  readonly image: Uint8Array | undefined
  /** Name of the field that carries the image, for messages. */
  readonly imageField: string
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
