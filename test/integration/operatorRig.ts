import { Deferred, Effect, Fiber, Layer, Schedule } from "effect"
import type { Heartbeat } from "../../src/contract/AgentMessages.ts"
import type { GpuPoolStatus } from "../../src/contract/GpuPool.ts"
import { Cluster } from "../../src/operator/fleet/Cluster.ts"
import { OperatorMetrics } from "../../src/operator/health/OperatorMetrics.ts"
import { operate, type OperatorSettings } from "../../src/operator/operator.ts"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import type { ApiRequest, KubeTransport } from "../../src/platform/kubernetes/KubeTransport.ts"
import { lead } from "../../src/platform/kubernetes/Leadership.ts"
import { events, gpuPools, type Pod, pods, type StoredGpuPool } from "../../src/platform/kubernetes/resources.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { Presence } from "../../src/platform/nats/Presence.ts"
import { Signals } from "../../src/platform/nats/Signals.ts"
import { makeMemoryApiServer, type MemoryApiServer } from "../../src/testing/MemoryApiServer.ts"
import { program } from "./laneServices.ts"
import { submitCommand } from "./logServices.ts"

/** An operator on an API server in memory and a real broker; a test plays kubelet and agents. */

const settings: OperatorSettings = {
  identity: "operator-0",
  concurrency: 4,
  image: { cpu: "agent-cpu:1", cuda: "agent-cuda:1" },
  natsUrl: "nats://nats:4222",
  natsSecret: "",
  environment: {}
}

let operators = 0

const run = <R>(transport: KubeTransport, identity: string, work: Effect.Effect<never, never, R>) =>
  Effect.forkScoped(Effect.provide(
    work,
    Layer.mergeAll(Cluster.layer, OperatorMetrics.layer).pipe(
      Layer.provideMerge(KubeClient.over(transport)),
      Layer.provideMerge(program(identity)),
      Layer.fresh
    )
  ))

/** Runs an operator as `main.ts` does, until the fiber is interrupted. */
export const startOperator = (server: MemoryApiServer) => {
  const identity = `operator-${operators++}`
  return run(server.transport, identity, lead({ name: "darkroom-operator", identity, retrySeconds: 0.25 }, operate({ ...settings, identity })))
}

/** One that leads without asking: for what does not depend on leases. */
export const startLeader = (transport: KubeTransport) => {
  const identity = `operator-${operators++}`
  return run(transport, identity, operate({ ...settings, identity }))
}

const isWrite = ({ method, path }: ApiRequest) => method !== "GET" && !path.includes("/events")

/**
 * Runs an operator that is killed when its `nth` write was done and before it is told so, and then another one in its
 * place. Gives how many writes the first one did.
 */
export const startMortal = Effect.fnUntraced(function*(server: MemoryApiServer, nth: number) {
  const died = yield* Deferred.make<void>()
  let writes = 0
  const transport: KubeTransport = {
    ...server.transport,
    request: (request) =>
      writes >= nth ? Effect.never : Effect.flatMap(server.transport.request(request), (response) => {
        if (isWrite(request)) writes += 1
        return writes < nth ? Effect.succeed(response) : Effect.andThen(Deferred.succeed(died, undefined), Effect.never)
      })
  }
  const first = yield* startLeader(transport)
  yield* Deferred.await(died).pipe(
    Effect.andThen(Fiber.interrupt(first)),
    Effect.andThen(startLeader(server.transport)),
    Effect.forkScoped
  )
  return () => writes
})

/** The API as a person or a kubelet uses it. */
export const kubeOf = (server: MemoryApiServer) => {
  const layer = KubeClient.over(server.transport)
  const use = <A, E>(f: (client: KubeClient["Service"]) => Effect.Effect<A, E>) => KubeClient.use(f).pipe(Effect.provide(layer))
  const podsOf = (pool: string): Effect.Effect<ReadonlyArray<Pod>> =>
    use((client) => client.list(pods, { labelSelector: `darkroom.dev/pool=${pool}` })).pipe(Effect.map(({ items }) => items), Effect.orDie)
  const apply = (name: string, spec: Record<string, unknown>) =>
    use((client) => client.create(gpuPools, { metadata: { name }, spec })).pipe(
      Effect.catchTag("ApiExists", () => use((client) => client.patch(gpuPools, name, { spec }))),
      Effect.orDie
    )
  const pool = (name: string): Effect.Effect<StoredGpuPool | undefined> =>
    use((client) => client.get(gpuPools, name)).pipe(Effect.catchTag("ApiNotFound", () => Effect.undefined), Effect.orDie)
  const status = (name: string): Effect.Effect<GpuPoolStatus | undefined> => Effect.map(pool(name), (found) => found?.status)
  const patchPoolStatus = (name: string, status: Partial<GpuPoolStatus>) =>
    Effect.asVoid(Effect.orDie(use((client) => client.patch(gpuPools, name, { status }, { subresource: "status" }))))
  const deletePool = (name: string) => use((client) => client.delete(gpuPools, name)).pipe(Effect.orDie)
  const eventsOf = (name: string) =>
    use((client) => client.list(events)).pipe(
      Effect.map(({ items }) => items.filter((event) => event.involvedObject.name === name).map(({ reason }) => reason)),
      Effect.orDie
    )
  const at = () => new Date().toISOString().replace(/\.\d+Z$/, "Z")
  const patchStatus = (pod: Pod, status: Record<string, unknown>) =>
    Effect.asVoid(Effect.orDie(use((client) => client.patch(pods, pod.metadata.name, { status }, { subresource: "status" }))))

  /** What scheduler and kubelet make of a pod whose agent has started. */
  const run = (pod: Pod) =>
    Effect.gen(function*() {
      yield* Effect.orDie(use((client) => client.patch(pods, pod.metadata.name, { spec: { nodeName: "n1" } })))
      yield* patchStatus(pod, {
        phase: "Running",
        conditions: [
          { type: "PodScheduled", status: "True", lastTransitionTime: at() },
          { type: "Ready", status: "True", lastTransitionTime: at() }
        ],
        containerStatuses: [{ name: "agent", ready: true, restartCount: 0, state: { running: { startedAt: at() } } }]
      })
    })
  const unschedulable = (pod: Pod, message: string) =>
    patchStatus(pod, {
      phase: "Pending",
      conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message, lastTransitionTime: at() }]
    })
  const gated = (pod: Pod) =>
    patchStatus(pod, {
      phase: "Pending",
      conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated", message: "Scheduling is blocked due to non-empty scheduling gates", lastTransitionTime: at() }]
    })
  /** As `kubectl scale` and autoscalers do. */
  const scale = (name: string, replicas: number) => Effect.orDie(use((client) => client.scale(gpuPools, name, replicas)))
  const fail = (pod: Pod, reason: string) => patchStatus(pod, { phase: "Failed", reason, message: "no" })
  /** The kubelet's last word on a pod that is being deleted. */
  const bury = (pod: Pod) =>
    use((client) => client.delete(pods, pod.metadata.name, { gracePeriodSeconds: 0 })).pipe(Effect.ignore)

  return { apply, pool, status, patchPoolStatus, deletePool, eventsOf, podsOf, run, unschedulable, gated, scale, fail, bury }
}

export interface FakeAgent {
  /** What the next heartbeats say. */
  busy: boolean
  /** Holds a job that no heartbeat has told of yet. */
  hesitates: boolean
  /** Requests to drain so far, and to go on after all. */
  asked: number
  resumed: number
  readonly stop: Effect.Effect<void>
}

/** The agent in a pod, as far as the operator meets it: heartbeats and an answer to drain requests. */
export const startAgent = Effect.fnUntraced(function*(pool: string, name: string) {
  const presence = yield* Presence
  const signals = yield* Signals
  const agent = { busy: false, hesitates: false, asked: 0, resumed: 0 }
  const beat = Effect.suspend(() =>
    presence.beat({
      agent: name,
      pool,
      version: "1",
      at: new Date().toISOString(),
      interval_ms: 2_000,
      state: agent.busy ? "BUSY" : "READY",
      draining: false,
      slots: 1,
      claims: agent.busy ? [{ job_id: "j", attempt: 1, started_sequence: 1 }] : [],
      models_loaded: [],
      execution_provider: "cpu"
    } satisfies Heartbeat)
  )
  const life = Effect.gen(function*() {
    yield* signals.serveDrain({ pool, agent: name }, ({ resume }) => Effect.sync(() => {
      if (resume) agent.resumed += 1
      else agent.asked += 1
      const holds = agent.busy || agent.hesitates
      return { agent: name, drained: !holds, claims: holds ? 1 : 0 }
    }))
    return yield* Effect.forever(Effect.andThen(beat, Effect.sleep("300 millis")))
  })
  const fiber = yield* Effect.forkScoped(Effect.scoped(life))
  return Object.assign(agent, { stop: Fiber.interrupt(fiber) }) as FakeAgent
})

/** A job that waits in the pool's queue. */
export const submitTo = (pool: string, model = "noop") => JobLog.use((log) => log.append(undefined, submitCommand({ pool, model }), "/test"))

export const memoryApiServer = () => {
  const server = makeMemoryApiServer({ bookmarkMs: 1_000 })
  /** Requests to create a pod that were granted: each made one of its own. */
  let created = 0
  const request: KubeTransport["request"] = (sent) =>
    Effect.tap(server.transport.request(sent), ({ status }) =>
      Effect.sync(() => {
        if (sent.method === "POST" && /\/pods(\?|$)/.test(sent.path) && status === 201) created += 1
      }))
  return { ...server, transport: { ...server.transport, request }, createdPods: () => created }
}

/** The server, and which writes to pools of whoever talks over `transport` it answered with a conflict. */
export const refusalsOf = ({ transport }: MemoryApiServer) => {
  const refused: Array<string> = []
  const request: KubeTransport["request"] = (sent) =>
    Effect.tap(transport.request(sent), ({ status }) =>
      Effect.sync(() => {
        if (status === 409 && sent.path.includes("/gpupools/")) refused.push(`${sent.method} ${sent.path}`)
      }))
  return { refused, transport: { ...transport, request } }
}

/** Polls until it holds; dies after a minute, for what takes many steps on a busy machine. */
export const patiently = <E, R>(what: string, check: Effect.Effect<boolean, E, R>) =>
  check.pipe(
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("25 millis") }),
    Effect.timeoutOrElse({ duration: "60 seconds", orElse: () => Effect.die(new Error(`never: ${what}`)) }),
    Effect.asVoid
  )
