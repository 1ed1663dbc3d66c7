import type { Progress } from "../../contract/AgentMessages.ts"
import { isEnded, type JobRecord, type JobState } from "../../contract/Job.ts"
import { eventNameOf, type StoredEvent } from "../../contract/JobEvent.ts"

/** What an event stream of one job sends. Pure: state and input in, state and text out. */

export interface StreamState {
  /** Sequence of the last log event sent; what is not newer is not sent again. */
  readonly lastSequence: number
  readonly jobState: JobState
  readonly attempt: number
  readonly position: number | undefined
  /** What the running attempt of a text job has written and this stream has sent. */
  readonly sentText: string
  /** The stream ends after what was sent. */
  readonly done: boolean
}

export type StreamInput =
  | { readonly _tag: "Stored"; readonly stored: StoredEvent }
  | { readonly _tag: "Progress"; readonly progress: Progress }
  | { readonly _tag: "Position"; readonly position: number }

export interface StreamStep {
  readonly state: StreamState
  readonly text: string
}

/** Before anything was sent; `record` is the job as it is when the stream opens. */
export const initialState = (lastSequence: number, record: Pick<JobRecord, "state" | "attempt">): StreamState => ({
  lastSequence,
  jobState: record.state,
  attempt: record.attempt,
  position: undefined,
  sentText: "",
  done: false
})

/** How soon a client reconnects after the stream broke, or after a gateway said that it stops. */
export const retryFrame = (reconnectMs: number): string => `retry: ${reconnectMs}\n\n`
export const keepAliveFrame = ": keep-alive\n\n"

const frame = (event: string, data: unknown, id?: number): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/** A job that was given back is queued again, for whoever watches. */
const shownAs = { queued: "queued", started: "started", released: "queued", completed: "completed", failed: "failed", cancelled: "cancelled" } as const

const dataOf = ({ event }: StoredEvent) => {
  const { actual_time_s, attempt, error, job_id, kind, output, retry_count, state, warnings } = event.data
  const finish_reason = state === "cancelled" && kind === "text" ? "cancelled" : output?.finish_reason
  return {
    job_id,
    status: state,
    at: event.time,
    attempt,
    retry_count,
    ...(actual_time_s === undefined ? {} : { actual_time_s }),
    ...(finish_reason === undefined ? {} : { finish_reason }),
    ...(error === undefined ? {} : { error }),
    ...(warnings.length === 0 ? {} : { warnings })
  }
}

/** What was written since the last `text` of this stream: within an attempt a text only grows, and agents send all of it each time. */
const addedText = (state: StreamState, whole: string, record: Pick<JobRecord, "job_id" | "attempt">): StreamStep => {
  if (whole.length <= state.sentText.length) return { state, text: "" }
  const text = whole.slice(state.sentText.length)
  return { state: { ...state, sentText: whole }, text: frame("text", { job_id: record.job_id, attempt: record.attempt, text }) }
}

const onStored = (state: StreamState, stored: StoredEvent): StreamStep => {
  if (stored.sequence <= state.lastSequence) return { state, text: "" }
  const name = eventNameOf(stored.event.type)
  const record = stored.event.data
  // The end that no progress told comes before the word that it is the end.
  const rest = addedText(state, record.output?.text ?? "", record)
  const next: StreamState = {
    lastSequence: stored.sequence,
    jobState: record.state,
    attempt: record.attempt,
    position: undefined,
    sentText: record.state === "processing" ? "" : rest.state.sentText,
    done: isEnded(record.state)
  }
  if (name === undefined || name === "deleted") return { state: next, text: "" }
  return { state: next, text: rest.text + frame(shownAs[name], dataOf(stored), stored.sequence) }
}

/** Progress of an earlier attempt, or from before the start was seen, is not shown. */
const onProgress = (state: StreamState, progress: Progress): StreamStep => {
  if (state.jobState !== "processing" || progress.attempt !== state.attempt) return { state, text: "" }
  const added = addedText(state, progress.text ?? "", progress)
  return { state: added.state, text: frame("step", { ...progress, at: undefined, text: undefined }) + added.text }
}

export const advance = (state: StreamState, input: StreamInput): StreamStep => {
  if (state.done) return { state, text: "" }
  switch (input._tag) {
    case "Stored":
      return onStored(state, input.stored)
    case "Progress":
      return onProgress(state, input.progress)
    case "Position":
      return state.jobState !== "queued" || input.position === state.position
        ? { state, text: "" }
        : { state: { ...state, position: input.position }, text: frame("position", { position: input.position }) }
  }
}
