import type { Draft } from "../../src/platform/kubernetes/resources.ts"

export const pool = (name: string, spec: Readonly<Record<string, unknown>> = {}): Draft => ({
  metadata: { name },
  spec: { models: ["starter"], maxReplicas: 4, ...spec }
})

export const pod = (name: string, { labels = {}, spec = {}, ...metadata }: Readonly<Record<string, object>> = {}): Draft => ({
  metadata: { name, labels, ...metadata },
  spec: { containers: [{ name: "agent", image: "agent:1" }], ...spec }
})

export const poolStatus = (state: string, conditions: ReadonlyArray<object> = []) => ({
  state,
  replicas: 0,
  desiredReplicas: 0,
  readyReplicas: 0,
  busyReplicas: 0,
  queue: { depth: 0, readable: true },
  lanesReadyFor: [],
  conditions
})

export const condition = (type: string, status: "True" | "False") => ({
  type,
  status,
  reason: "Test",
  message: "",
  lastTransitionTime: "2026-11-21T12:00:00Z"
})
