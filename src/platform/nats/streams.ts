import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream"
import {
  blobBucket,
  eventsStream,
  eventsSubjects,
  keysBucket,
  workRepublish,
  workStream,
  workTransform
} from "../../contract/subjects.ts"
import type { LogSettings } from "./LogSettings.ts"

/** The streams as Darkroom wants them. Pure. Ages and windows are nanoseconds, as the broker counts. */

export type DesiredStream = Partial<StreamConfig> & Pick<StreamConfig, "name" | "retention" | "storage" | "max_bytes">

const nanosPerMs = 1_000_000
/** A publish is tried again within seconds; ten minutes outlast a broker restart. */
const duplicateWindowMs = 10 * 60 * 1000
/** A record with the longest prompt and a long text answer fits many times. */
const eventMaxBytes = 512 * 1024
const keysMaxBytes = 16 * 1024 * 1024

export const blobsStream = `OBJ_${blobBucket}`
export const keysStream = `KV_${keysBucket}`
export const keySubjects = `$KV.${keysBucket}.>`
export const keySubject = (id: string): string => `$KV.${keysBucket}.${id}`

const common = (settings: LogSettings) => ({
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  num_replicas: settings.replicas,
  allow_direct: true
})

export const eventsConfig = (settings: LogSettings): DesiredStream => ({
  ...common(settings),
  name: eventsStream,
  description: "Every change of every job; the last event of a job is its status",
  subjects: [eventsSubjects],
  retention: RetentionPolicy.Limits,
  max_bytes: settings.eventsMaxBytes,
  max_age: settings.eventsMaxAgeMs * nanosPerMs,
  max_msg_size: eventMaxBytes,
  duplicate_window: duplicateWindowMs * nanosPerMs
})

/** Never with `max_msgs_per_subject`: a retried job may rightly have two messages for a moment. */
export const workConfig = (settings: LogSettings, fromSequence?: number): DesiredStream => ({
  ...common(settings),
  name: workStream,
  description: "Hints that a job waits, made by the broker from queued events",
  retention: RetentionPolicy.Workqueue,
  max_bytes: settings.workMaxBytes,
  sources: [{
    name: eventsStream,
    subject_transforms: [workTransform],
    ...(fromSequence === undefined ? {} : { opt_start_seq: fromSequence })
  }],
  republish: { ...workRepublish, headers_only: true }
})

/** The layout of a NATS object store, so that the `nats object` tool reads it too. */
export const blobsConfig = (settings: LogSettings): DesiredStream => ({
  ...common(settings),
  name: blobsStream,
  description: "Images in and out, named by job, attempt and SHA-256",
  subjects: [`$O.${blobBucket}.C.>`, `$O.${blobBucket}.M.>`],
  retention: RetentionPolicy.Limits,
  max_bytes: settings.blobsMaxBytes,
  max_age: settings.blobMaxAgeMs * nanosPerMs,
  allow_rollup_hdrs: true
})

/** The layout of a NATS key-value bucket. `allow_direct` off: a revoked key must not be read from a replica. */
export const keysConfig = (settings: LogSettings): DesiredStream => ({
  ...common(settings),
  name: keysStream,
  description: "API keys, hashed",
  subjects: [keySubjects],
  retention: RetentionPolicy.Limits,
  max_bytes: keysMaxBytes,
  max_msgs_per_subject: 1,
  allow_rollup_hdrs: true,
  allow_direct: false
})

export const desiredStreams = (settings: LogSettings): ReadonlyArray<DesiredStream> => [
  eventsConfig(settings),
  workConfig(settings),
  blobsConfig(settings),
  keysConfig(settings)
]
