import { Config } from "effect"
import { DurationText, durationMs } from "../../contract/GpuPool.ts"

/** Sizes and ages of the log. The defaults suit one laptop; a cluster sets them in its manifests. */
export interface LogSettings {
  readonly replicas: number
  readonly eventsMaxBytes: number
  readonly eventsMaxAgeMs: number
  readonly workMaxBytes: number
  readonly blobsMaxBytes: number
  readonly blobMaxAgeMs: number
  /** Longest time in the queue before a job fails as `expired`. */
  readonly queueTtlMs: number
  /** Longest run of one attempt that a job may ask for. */
  readonly jobTimeoutMs: number
  /** Base URLs of the servers' monitoring ports; empty = how they write cannot be checked. */
  readonly monitorUrls: ReadonlyArray<string>
}

const mebibyte = 1024 * 1024
const hourMs = 60 * 60 * 1000

export const defaultLogSettings: LogSettings = {
  replicas: 1,
  eventsMaxBytes: 1024 * mebibyte,
  eventsMaxAgeMs: 30 * 24 * hourMs,
  workMaxBytes: 256 * mebibyte,
  blobsMaxBytes: 4096 * mebibyte,
  blobMaxAgeMs: 7 * 24 * hourMs,
  queueTtlMs: hourMs,
  jobTimeoutMs: 5 * 60 * 1000,
  monitorUrls: []
}

const int = (name: string, fallback: number) => Config.Int(name).pipe(Config.withDefault(fallback))

/** Written as in a GpuPool: `168h`, `1h30m`, `90s`. */
const milliseconds = (name: string, fallback: number) =>
  Config.schema(DurationText, name).pipe(Config.map(durationMs), Config.withDefault(fallback))

const urls = Config.String("NATS_MONITOR_URL").pipe(
  Config.withDefault(""),
  Config.map((text) => text.split(",").map((url) => url.trim()).filter((url) => url !== ""))
)

export const logSettings: Config.Config<LogSettings> = Config.all({
  replicas: int("DARKROOM_REPLICAS", defaultLogSettings.replicas),
  eventsMaxBytes: int("DARKROOM_EVENTS_MAX_BYTES", defaultLogSettings.eventsMaxBytes),
  eventsMaxAgeMs: milliseconds("DARKROOM_EVENTS_MAX_AGE", defaultLogSettings.eventsMaxAgeMs),
  workMaxBytes: int("DARKROOM_WORK_MAX_BYTES", defaultLogSettings.workMaxBytes),
  blobsMaxBytes: int("DARKROOM_BLOBS_MAX_BYTES", defaultLogSettings.blobsMaxBytes),
  blobMaxAgeMs: milliseconds("DARKROOM_BLOB_MAX_AGE", defaultLogSettings.blobMaxAgeMs),
  queueTtlMs: milliseconds("QUEUE_TTL", defaultLogSettings.queueTtlMs),
  jobTimeoutMs: milliseconds("JOB_TIMEOUT", defaultLogSettings.jobTimeoutMs),
  monitorUrls: urls
})

/** Job-log rule 7: nothing that a living job needs may age out before the job has ended. */
export const ageProblems = (settings: LogSettings): ReadonlyArray<string> => {
  const needMs = settings.queueTtlMs + 4 * settings.jobTimeoutMs
  const hours = (ms: number) => `${Math.round((ms / hourMs) * 100) / 100} h`
  const problems: Array<string> = []
  if (settings.blobMaxAgeMs <= needMs) {
    problems.push(
      `DARKROOM_BLOB_MAX_AGE (${hours(settings.blobMaxAgeMs)}) must be longer than QUEUE_TTL + 4 × JOB_TIMEOUT (${hours(needMs)}): an image could vanish under a waiting job`
    )
  }
  if (settings.eventsMaxAgeMs <= settings.blobMaxAgeMs) {
    problems.push(
      `DARKROOM_EVENTS_MAX_AGE (${hours(settings.eventsMaxAgeMs)}) must be longer than DARKROOM_BLOB_MAX_AGE (${hours(settings.blobMaxAgeMs)}): a job that aged out of the log could be submitted again while its work message still waits`
    )
  }
  return problems
}
