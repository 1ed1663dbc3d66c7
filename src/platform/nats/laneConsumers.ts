import { AckPolicy, type ConsumerConfig, DeliverPolicy, JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream"
import type { NatsConnection } from "@nats-io/transport-node"
import { Effect } from "effect"
import { laneName, lanes } from "../../contract/Lane.ts"
import { laneConsumer, laneSubjects, parseLaneConsumer, workStream } from "../../contract/subjects.ts"
import type { LogUnavailable } from "./errors.ts"
import { request } from "./natsErrors.ts"

const nanosPerMs = 1_000_000
export const ackWaitMs = 30_000
/** Requests to the broker at once when lanes are made, read or removed. */
const requestsAtOnce = 8

const alreadyExists = 10148
const notFound = 10014

/** A message is delivered until it is acked: attempts are counted in the job record (job-log rules 4 and 8). */
export const laneConsumerConfig = (pool: string, model: string, lane: string): Partial<ConsumerConfig> => ({
  durable_name: laneConsumer(pool, model, lane),
  filter_subject: laneSubjects(pool, model, lane),
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  ack_wait: ackWaitMs * nanosPerMs,
  max_deliver: -1,
  max_ack_pending: -1
})

const codeOf = (error: unknown): number | undefined => (error instanceof JetStreamApiError ? error.code : undefined)

/** Creates what is missing, and corrects what differs; harmless when several programs do it at once. */
export const ensureLanes = (jsm: JetStreamManager, pool: string, models: ReadonlyArray<string>) =>
  Effect.forEach(
    models.flatMap((model) => lanes.map((lane) => laneConsumerConfig(pool, model, laneName(lane)))),
    (config) =>
      request(`create the consumer ${config.durable_name}`, () =>
        jsm.consumers.add(workStream, config).catch((error: unknown) => {
          if (codeOf(error) !== alreadyExists) throw error
          const { durable_name: name = "", deliver_policy: _, ...rest } = config
          return jsm.consumers.update(workStream, name, rest)
        })),
    { concurrency: requestsAtOnce, discard: true }
  )

/** Names of all consumers of WORK. */
export const consumerNames = (nc: NatsConnection): Effect.Effect<ReadonlyArray<string>, LogUnavailable> =>
  request("list the consumers of WORK", async () => {
    const names: Array<string> = []
    for (;;) {
      const reply = await nc.request(`$JS.API.CONSUMER.NAMES.${workStream}`, JSON.stringify({ offset: names.length }), {
        timeout: 5_000
      })
      const page = reply.json<{ consumers?: Array<string> | null; total?: number; error?: { description: string } }>()
      if (page.error !== undefined) throw new Error(page.error.description)
      names.push(...(page.consumers ?? []))
      if ((page.consumers ?? []).length === 0 || names.length >= (page.total ?? 0)) return names
    }
  })

export const removeLanes = (jsm: JetStreamManager, names: ReadonlyArray<string>) =>
  Effect.forEach(
    names,
    (name) =>
      request(`delete the consumer ${name}`, () =>
        jsm.consumers.delete(workStream, name).catch((error: unknown) => {
          if (codeOf(error) !== notFound) throw error
          return true
        })),
    { concurrency: requestsAtOnce, discard: true }
  )

/** What each consumer's leader counts; one that does not answer fails the whole. */
export const readLanes = (jsm: JetStreamManager, names: ReadonlyArray<string>) =>
  Effect.forEach(names, (name) => request(`read the consumer ${name}`, () => jsm.consumers.info(workStream, name)), {
    concurrency: requestsAtOnce
  })

export const isLaneOf = (name: string, pool: string, models?: ReadonlyArray<string>): boolean => {
  const lane = parseLaneConsumer(name)
  return lane !== undefined && lane.pool === pool && (models === undefined || models.includes(lane.model))
}

/** Pool → models that have all their lanes; a model with some of them missing is not ready for jobs. */
export const completeLanes = (names: ReadonlyArray<string>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const counts = new Map<string, Map<string, number>>()
  for (const name of names) {
    const lane = parseLaneConsumer(name)
    if (lane === undefined) continue
    const models = counts.get(lane.pool) ?? new Map<string, number>()
    models.set(lane.model, (models.get(lane.model) ?? 0) + 1)
    counts.set(lane.pool, models)
  }
  const complete = [...counts].map(([pool, models]) =>
    [pool, [...models].flatMap(([model, count]) => (count === lanes.length ? [model] : [])).sort()] as const)
  return new Map(complete.filter(([, models]) => models.length > 0))
}
