import { Clock, Effect, Stream } from "effect"
import type { DrainReply, Heartbeat } from "../../src/contract/AgentMessages.ts"
import { heartbeatIntervalMs } from "../../src/contract/limits.ts"
import { decodeToken, heartbeatSubject } from "../../src/contract/subjects.ts"
import { poolLabel } from "../../src/operator/fleet/podNames.ts"
import type { Reflector } from "../../src/platform/kubernetes/Reflector.ts"
import type { Pod } from "../../src/platform/kubernetes/resources.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"

/**
 * What the operator hears of the agents in fake pods: a heartbeat of each that runs, as often as a real one sends it, and
 * "drained" to whoever asks. They take no jobs and load no models, so they are ready as soon as their container runs.
 */

interface FakeAgent {
  readonly subject: string
  readonly heartbeat: Omit<Heartbeat, "at">
  nextAt: number
}

/** Beats are due at any time; they are sent this often. */
const sendEvery = "20 millis"

const runs = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined && status?.phase === "Running"

const agentOf = (pool: string, agent: string, now: number): FakeAgent => ({
  subject: heartbeatSubject(pool, agent),
  heartbeat: {
    agent,
    pool,
    version: "fake",
    interval_ms: heartbeatIntervalMs,
    state: "READY",
    draining: false,
    slots: 1,
    claims: [],
    models_loaded: [],
    execution_provider: "cuda"
  },
  nextAt: now
})

/** For as long as the scope is open. */
export const fakeAgents = Effect.fnUntraced(function*(pods: Reflector<Pod>) {
  const { nc } = yield* Connection
  const agents = new Map<string, FakeAgent>()

  const follow = pods.changes.pipe(Stream.runForEach(({ object, type }) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const { labels = {}, name } = object.metadata
      if (type === "deleted" || !runs(object)) agents.delete(name)
      else if (!agents.has(name)) agents.set(name, agentOf(labels[poolLabel] ?? "", name, now))
    })))

  const beat = Effect.map(Clock.currentTimeMillis, (now) => {
    const at = new Date(now).toISOString()
    for (const agent of agents.values()) {
      if (agent.nextAt > now) continue
      agent.nextAt += heartbeatIntervalMs
      nc.publish(agent.subject, JSON.stringify({ ...agent.heartbeat, at } satisfies Heartbeat))
    }
  })

  yield* Effect.acquireRelease(
    Effect.sync(() =>
      nc.subscribe("control.drain.>", {
        callback: (error, message) => {
          const agent = decodeToken(message.subject.split(".").at(-1) ?? "")
          if (error === null && agents.has(agent)) {
            message.respond(JSON.stringify({ agent, drained: true, claims: 0 } satisfies DrainReply))
          }
        }
      })),
    (subscription) => Effect.sync(() => subscription.unsubscribe())
  )
  yield* Effect.forkScoped(follow)
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(beat, Effect.sleep(sendEvery))))
})
