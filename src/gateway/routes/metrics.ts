import { Effect } from "effect"
import { Lanes } from "../../platform/nats/Lanes.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { type Labels, makeRegistry } from "../../platform/telemetry/prometheus.ts"
import { Metrics } from "../metrics/Metrics.ts"
import { PoolRegistry } from "../pools/PoolRegistry.ts"
import { Projection } from "../projection/Projection.ts"
import { FeedHub } from "../waiting/FeedHub.ts"

interface Gauge {
  readonly name: string
  readonly help: string
  readonly values: ReadonlyArray<{ readonly labels: Labels; readonly value: number }>
}

const render = (found: ReadonlyArray<Gauge>): string => {
  const registry = makeRegistry()
  for (const { help, name, values } of found) {
    const gauge = registry.gauge(name, help)
    for (const { labels, value } of values) gauge.set(labels, value)
  }
  return registry.render()
}

/** Only what can be known now: a depth that cannot be read is left out, never 0. */
const gauges = Effect.gen(function*() {
  const hub = yield* FeedHub
  const lanes = yield* Lanes
  const metrics = yield* Metrics
  const pools = yield* (yield* PoolRegistry).all
  const counts = yield* (yield* Projection).counts({})
  const lag = yield* hub.lag
  const depths = yield* Effect.forEach(pools, ({ name }) => Effect.map(lanes.depth(name), (depth) => ({ name, depth })), {
    concurrency: 4
  })
  const unowned = yield* lanes.unowned.pipe(Effect.catchTag("LogUnavailable", () => Effect.undefined))
  const agents = yield* (yield* Presence).alive()
  const one = (value: number) => [{ labels: {}, value }]
  return [
    {
      name: "darkroom_jobs",
      help: "Jobs by state, all pools.",
      values: Object.entries(counts).map(([state, value]) => ({ labels: { state }, value }))
    },
    {
      name: "darkroom_queue_depth",
      help: "Jobs waiting or running, by pool.",
      values: depths.flatMap(({ depth, name }) => depth._tag === "Readable" ? [{ labels: { pool: name }, value: depth.depth }] : [])
    },
    {
      name: "darkroom_pool_ready_replicas",
      help: "Replicas ready for jobs, by pool.",
      values: pools.flatMap(({ name, status }) => status === undefined ? [] : [{ labels: { pool: name }, value: status.readyReplicas }])
    },
    {
      name: "darkroom_unowned_messages",
      help: "Queue messages that no lane serves, so no agent will see them: more than 0 needs a look.",
      values: unowned === undefined ? [] : one(unowned)
    },
    { name: "darkroom_agents", help: "Agents heard within the silence time.", values: one(agents.length) },
    { name: "darkroom_feed_lag_events", help: "Events of the log not in the projection yet.", values: lag === undefined ? [] : one(lag) },
    { name: "darkroom_job_log_up", help: "1 while the job log answers.", values: one(lag === undefined ? 0 : 1) },
    { name: "darkroom_event_streams", help: "Open event streams.", values: one(metrics.openStreams()) },
    { name: "darkroom_feed_listeners", help: "Requests and streams that wait for a job.", values: one(yield* hub.listeners) }
  ] satisfies ReadonlyArray<Gauge>
})

/** `GET /metrics`, on a port of its own. */
export const metricsText = Effect.gen(function*() {
  const metrics = yield* Metrics
  return `${render(yield* gauges)}${metrics.render()}`
})
