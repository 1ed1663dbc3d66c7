import { Effect } from "effect"
import type { JobRecord } from "../../contract/Job.ts"
import { Blobs } from "../../platform/blobs/Blobs.ts"
import { RunFailed } from "../engine/errors.ts"
import { patience } from "./patience.ts"

const gone = () => new RunFailed({ class: "invalid_input", message: "the input picture is no longer stored; send it again" })

/** The job's pictures. A store that is away is waited for as long as the job may run. */
export const fetchInputs = Effect.fn("worker.fetchInputs")(function*({ inputs, timeout_s }: JobRecord) {
  const blobs = yield* Blobs
  return yield* Effect.forEach(inputs, ({ name }) =>
    blobs.get(name).pipe(
      Effect.retry({ schedule: patience, while: (error) => error._tag === "BlobsUnavailable" }),
      Effect.mapError(gone)
    )).pipe(
      Effect.timeoutOrElse({
        duration: timeout_s * 1_000,
        orElse: () => new RunFailed({ class: "timeout", message: `the input picture could not be read within ${timeout_s} s` })
      })
    )
})
