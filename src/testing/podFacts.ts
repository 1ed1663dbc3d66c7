import type { Heartbeat } from "../contract/AgentMessages.ts"
import type { Sighting } from "../operator/fleet/observe.ts"
import type { PodView } from "../operator/fleet/podView.ts"

/** What the operator's pure functions are told of pods and agents: an ordinary running one, and what a test says otherwise. */

/** Of the pool `p`, in slot 0, created, scheduled and running since `at`. */
export const podFacts = (name: string, at: number, more: Partial<PodView> = {}): PodView => ({
  name,
  uid: name,
  resourceVersion: "1",
  slot: 0,
  revision: "r",
  createdAt: at,
  scheduledAt: at,
  sandboxAt: undefined,
  held: undefined,
  runningSince: at,
  readySince: undefined,
  stoppedAt: undefined,
  restarts: 0,
  waiting: undefined,
  terminating: false,
  overdueAt: undefined,
  ended: undefined,
  busyLabelled: false,
  ...more
})

/** Idle, ready and heard since `at`. */
export const sightingFacts = (id: string, at: number, more: Partial<Sighting> = {}): Sighting => ({
  id,
  phase: "idle",
  busy: false,
  since: at,
  startedAt: at,
  revision: "r",
  readyAt: at,
  heardAt: at,
  loading: false,
  models: { models_loaded: [] },
  ...more
})

export const heartbeatFacts = (agent: string, state: Heartbeat["state"], claims = 0): Heartbeat => ({
  agent,
  pool: "p",
  version: "1",
  at: "2026-11-21T12:00:00Z",
  interval_ms: 2_000,
  state,
  draining: false,
  slots: 1,
  claims: Array.from({ length: claims }, () => ({ job_id: "j", attempt: 1, started_sequence: 1 })),
  models_loaded: [],
  execution_provider: "cpu"
})
