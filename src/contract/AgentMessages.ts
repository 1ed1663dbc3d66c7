import { Schema } from "effect"
import { Timestamp } from "./Job.ts"

/** Core NATS messages of agents: at most once, never the truth. */

export const AgentState = Schema.Literals(["STARTING", "READY", "BUSY", "DRAINING", "SETUP_FAILED", "DEFUNCT"])
export type AgentState = typeof AgentState.Type

/** A model on its way into memory. */
export const ModelLoading = Schema.Struct({
  model: Schema.String,
  /** The graph that is being loaded, by its role in the manifest; absent before the first and after the last. */
  part: Schema.optionalKey(Schema.String),
  graphs_loaded: Schema.Int,
  graphs: Schema.Int,
  /** Of the graphs' files. */
  bytes_loaded: Schema.Int,
  bytes: Schema.Int
})
export type ModelLoading = typeof ModelLoading.Type

/** `agents.<pool>.<agent>`, every heartbeat interval and at every change of a claim. */
export const Heartbeat = Schema.Struct({
  agent: Schema.String,
  pool: Schema.String,
  version: Schema.String,
  at: Timestamp,
  interval_ms: Schema.Int,
  state: AgentState,
  draining: Schema.Boolean,
  slots: Schema.Int,
  claims: Schema.Array(
    Schema.Struct({ job_id: Schema.String, attempt: Schema.Int, started_sequence: Schema.Int })
  ),
  /** Models in memory now. */
  models_loaded: Schema.Array(Schema.String),
  /** Models on their way into memory now. */
  models_loading: Schema.optionalKey(Schema.Array(ModelLoading)),
  /** How long it took to check and to load the first model; absent until then. */
  load_ms: Schema.optionalKey(Schema.Int),
  execution_provider: Schema.NullOr(Schema.Literals(["cuda", "cpu"]))
})
export type Heartbeat = typeof Heartbeat.Type

/** `progress.<job>` */
export const Progress = Schema.Struct({
  job_id: Schema.String,
  attempt: Schema.Int,
  phase: Schema.Literals(["loading", "running"]),
  /** Steps done, 0..steps; both 0 while the model is being loaded. */
  step: Schema.Int,
  steps: Schema.Int,
  at: Timestamp,
  /** In the phase `loading`. */
  loading: Schema.optionalKey(ModelLoading),
  /** What a language model has written so far, as a whole: a message that is lost takes nothing with it. */
  text: Schema.optionalKey(Schema.String)
})
export type Progress = typeof Progress.Type

/** `control.cancel.<job>`: a hint; the record says whether the job is cancelled. */
export const CancelSignal = Schema.Struct({ job_id: Schema.String })
export type CancelSignal = typeof CancelSignal.Type

/** `control.drain.<pool>.<agent>`, request and reply. The request is a lease of 30 s: unless renewed the agent pulls again. */
export const DrainRequest = Schema.Struct({
  requested_by: Schema.String,
  /** The other way round: the lease is over, it may pull again at once. Nobody need hear it, so nobody waits for the reply. */
  resume: Schema.optionalKey(Schema.Literal(true))
})
export type DrainRequest = typeof DrainRequest.Type
export const DrainReply = Schema.Struct({
  agent: Schema.String,
  /** True only after the agent's last pull has ended and it holds no claim. */
  drained: Schema.Boolean,
  claims: Schema.Int
})
export type DrainReply = typeof DrainReply.Type
