import { ConfigProvider, Effect, Layer, Schedule } from "effect"
import type { JobRecord } from "../../src/contract/Job.ts"
import type { JobCommand } from "../../src/contract/transitions.ts"
import { Blobs } from "../../src/platform/blobs/Blobs.ts"
import { ApiKeys } from "../../src/platform/nats/ApiKeys.ts"
import { Capacity } from "../../src/platform/nats/Capacity.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { JobLog, type JobView } from "../../src/platform/nats/JobLog.ts"
import { logReady } from "../../src/platform/nats/provision.ts"
import { NatsServer } from "../../src/testing/NatsServer.ts"
import { jobRecord } from "../../src/testing/records.ts"

type Environment = Record<string, string | number>

/** What a program's environment would say about this server. */
export const environmentOf = (server: { readonly url: string; readonly monitorUrl: string }, extra: Environment = {}) =>
  ConfigProvider.layer(ConfigProvider.fromUnknown({ NATS_URL: server.url, NATS_MONITOR_URL: server.monitorUrl, ...extra }))

const environment = (extra: Environment) => Layer.unwrap(Effect.map(NatsServer, (server) => environmentOf(server, extra)))

/** Another program on the same broker: its own connection, its own services. */
export const program = (name: string, extra: Environment = {}) =>
  Layer.mergeAll(JobLog.layer, Blobs.layer, ApiKeys.layer, Capacity.layer).pipe(
    Layer.provideMerge(Connection.layer(name)),
    Layer.provide(environment(extra)),
    Layer.fresh
  )

/** A broker with the log set up, and the services of one program. */
export const logServices = (extra: Environment = {}, broker: Parameters<typeof NatsServer.layerWith>[0] = {}) =>
  Layer.mergeAll(JobLog.layer, Blobs.layer, ApiKeys.layer, Capacity.layer).pipe(
    Layer.provideMerge(logReady),
    Layer.provideMerge(Connection.layer("log-test")),
    Layer.provide(environment(extra)),
    Layer.provideMerge(NatsServer.layerWith(broker))
  )

/** These tests talk to a process, so they run on the real clock. */
export const live = { excludeTestServices: true, timeout: "60 seconds" } as const

const at = "2026-01-02T03:04:06.000Z"

export const submitCommand = (overrides: Partial<JobRecord> = {}): Extract<JobCommand, { _tag: "Submit" }> => ({
  _tag: "Submit",
  record: jobRecord({ job_id: crypto.randomUUID(), ...overrides })
})

export const submit = (overrides: Partial<JobRecord> = {}) =>
  JobLog.use((log) => log.append(undefined, submitCommand(overrides), "/test"))

export const startCommand = (view: JobView, agent = "agent-1", silent = false): JobCommand => ({
  _tag: "Start",
  agent,
  queuedSequence: view.queuedSequence,
  silent,
  at
})

export const completeCommand = (view: JobView): JobCommand => ({
  _tag: "Complete",
  agent: view.record.agent ?? "",
  attempt: view.record.attempt,
  output: { images: [] },
  parameters: view.record.parameters,
  warnings: [],
  actualTimeS: 1,
  at
})

export const failCommand = (view: JobView): JobCommand => ({
  _tag: "Fail",
  by: { agent: view.record.agent ?? "", attempt: view.record.attempt },
  error: { class: "model_error", message: "no" },
  at
})

export const cancelCommand: JobCommand = { _tag: "Cancel", at }
export const deleteCommand: JobCommand = { _tag: "Delete", at }
export const retryCommand: JobCommand = { _tag: "Retry", share: 0, at, queueDeadline: "2026-01-02T04:04:05.678Z" }

/** Polls until it holds; dies after ten seconds. */
export const eventually = <E, R>(what: string, check: Effect.Effect<boolean, E, R>) =>
  check.pipe(
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("25 millis") }),
    Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.die(new Error(`never: ${what}`)) }),
    Effect.asVoid
  )
