import type { JobEvent } from "../contract/JobEvent.ts"
import { eventTypeOf } from "../contract/JobEvent.ts"
import type { JobRecord } from "../contract/Job.ts"
import { type EventName } from "../contract/subjects.ts"

const at = "2026-01-02T03:04:05.678Z"

/** A queued edit as the gateway submits it; override what the test is about. */
export const jobRecord = (overrides: Partial<JobRecord> = {}): JobRecord => ({
  schema_version: 1,
  job_id: "6f1c1f9e-54a5-4f6e-9f0c-0d9f0e6c7a11",
  kind: "edit",
  state: "queued",
  pool: "local",
  model: "noop",
  priority: 1,
  share: 0,
  client: "key-1",
  client_id: null,
  prompt: "steps=2 ms=1",
  parameters: { steps: 6, cfg: 1, seed: 42 },
  inputs: [],
  created_at: at,
  queued_at: at,
  queue_deadline: "2026-01-02T04:04:05.678Z",
  timeout_s: 60,
  attempt: 0,
  attempts_counted: 0,
  retry_count: 0,
  warnings: [],
  ...overrides
})

export const jobEvent = (name: EventName, data: JobRecord): JobEvent => ({
  specversion: "1.0",
  id: "0b6a9a2e-1f43-4c59-9d31-5a8e7f6f2c01",
  source: "/darkroom/test",
  type: eventTypeOf(name),
  subject: data.job_id,
  time: at,
  datacontenttype: "application/json",
  data
})
