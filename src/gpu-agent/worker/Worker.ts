import { Clock, Context, Deferred, Effect, Fiber, Layer, Queue, Random, Ref, Result, Schedule, Stream, SubscriptionRef } from "effect"
import type { AgentState, DrainRequest, Heartbeat, ModelLoading } from "../../contract/AgentMessages.ts"
import { heartbeatIntervalMs } from "../../contract/limits.ts"
import type { JobView } from "../../platform/nats/JobLog.ts"
import { Lanes, type WorkMessage } from "../../platform/nats/Lanes.ts"
import { Presence } from "../../platform/nats/Presence.ts"
import { Signals } from "../../platform/nats/Signals.ts"
import { continueTrace } from "../../platform/telemetry/traceparent.ts"
import { Engine } from "../engine/Engine.ts"
import type { EngineTimings } from "../engine/protocol.ts"
import { ModelInvalid, ModelStore, type StoredModel } from "../models/ModelStore.ts"
import { affinityDelayMs } from "./affinity.ts"
import { claimJob, timestampNow } from "./claim.ts"
import { holdJob } from "./HeldJob.ts"
import { drainReply, endDrain, initialLifecycle, isDraining, isIdle, type Lifecycle, mayPull, renewDrain, stateOf } from "./lifecycle.ts"

export interface WorkerOptions {
  readonly agent: string
  readonly pool: string
  readonly version: string
  /** The models of the pool, the one to load at the start first. */
  readonly models: ReadonlyArray<string>
  /** After SIGTERM a running job may take this long; then it is given back. */
  readonly graceMs: number
}

export interface WorkerReport {
  readonly state: AgentState
  readonly job_id: string | null
  readonly models_loaded: ReadonlyArray<string>
  readonly models_loading: ReadonlyArray<ModelLoading>
  readonly execution_provider: "cuda" | "cpu" | null
  readonly messages: ReadonlyArray<string>
}

/** The agent at work: pulls, claims, runs and concludes one job at a time, and says so. */
export class Worker extends Context.Service<Worker, {
  readonly report: Effect.Effect<WorkerReport>
}>()("darkroom/gpu-agent/worker/Worker") {
  static readonly layer = (options: WorkerOptions) => Layer.effect(Worker, makeWorker(options))
}

/** After turns without a job: soon after a wake-up, whose message a consumer may not know of yet; then once a second. */
const pollAfterMs = [10, 40, 160, 1_000]
/** All idle agents of a pool hear the same wake-up; one that is alone makes way for nobody. */
const wakeJitterMs = 2

type CheckedModel = Result.Result<StoredModel, ModelInvalid>

/** What the parts of the worker share. */
interface Core {
  readonly options: WorkerOptions
  readonly life: SubscriptionRef.SubscriptionRef<Lifecycle>
  /** Something changed: look again before the next poll is due. */
  readonly nudges: Queue.Queue<void>
  /** Those that were checked so far, usable or not. */
  readonly models: Ref.Ref<ReadonlyMap<string, CheckedModel>>
  readonly setupProblem: Ref.Ref<string | undefined>
  readonly loadMs: Ref.Ref<number | undefined>
  readonly pullsFail: Ref.Ref<boolean>
  /** Job ids that somebody asked to cancel; the latest is enough, as the record is read again every second. */
  readonly cancels: Queue.Queue<string>
  readonly giveBack: Deferred.Deferred<void>
  readonly engine: typeof Engine.Service
  readonly lanes: typeof Lanes.Service
  readonly presence: typeof Presence.Service
  readonly signals: typeof Signals.Service
}

const makeWorker = Effect.fnUntraced(function*(options: WorkerOptions) {
  const core: Core = {
    options,
    life: yield* SubscriptionRef.make(initialLifecycle),
    nudges: yield* Queue.sliding<void>(1),
    models: yield* Ref.make<ReadonlyMap<string, CheckedModel>>(new Map()),
    setupProblem: yield* Ref.make<string | undefined>(undefined),
    loadMs: yield* Ref.make<number | undefined>(undefined),
    pullsFail: yield* Ref.make(false),
    cancels: yield* Queue.sliding<string>(1),
    giveBack: yield* Deferred.make<void>(),
    engine: yield* Engine,
    lanes: yield* Lanes,
    presence: yield* Presence,
    signals: yield* Signals
  }
  yield* Effect.forkScoped(beatEvery(core))
  yield* Effect.forkScoped(followEngine(core))
  yield* Effect.forkScoped(listen(core))
  yield* serveDrain(core)
  yield* Effect.forkScoped(setUp(core))
  // The last to start and the first to stop, while all of the above goes on.
  yield* Effect.acquireRelease(Effect.forkDetach(slot(core)), (fiber) => shutDown(core, fiber))
  return Worker.of({ report: report(core) })
})

const nudge = (core: Core) => Effect.asVoid(Queue.offer(core.nudges, undefined))

const change = (core: Core, update: (life: Lifecycle) => Lifecycle) => Effect.andThen(SubscriptionRef.update(core.life, update), nudge(core))

// ── what it tells ──

const report = Effect.fnUntraced(function*(core: Core) {
  const engine = yield* SubscriptionRef.get(core.engine.status)
  const life = yield* SubscriptionRef.get(core.life)
  const problem = yield* Ref.get(core.setupProblem)
  const unusable = [...(yield* Ref.get(core.models)).values()].flatMap((model) => (Result.isFailure(model) ? [model.failure.message] : []))
  return {
    state: stateOf(life, yield* Clock.currentTimeMillis),
    job_id: life.claim?.job_id ?? null,
    models_loaded: engine.loaded,
    models_loading: engine.loading === null ? [] : [engine.loading],
    execution_provider: engine.provider,
    messages: [...(problem === undefined ? [] : [problem]), ...unusable, ...engine.messages]
  } satisfies WorkerReport
})

const beat = Effect.fnUntraced(function*(core: Core) {
  const { agent, pool, version } = core.options
  const life = yield* SubscriptionRef.get(core.life)
  const { execution_provider, models_loaded, models_loading, state } = yield* report(core)
  const loadMs = yield* Ref.get(core.loadMs)
  const heartbeat: Heartbeat = {
    agent,
    pool,
    version,
    at: yield* timestampNow,
    interval_ms: heartbeatIntervalMs,
    state,
    draining: isDraining(life, yield* Clock.currentTimeMillis),
    slots: 1,
    claims: life.claim === undefined ? [] : [life.claim],
    models_loaded,
    ...(models_loading.length === 0 ? {} : { models_loading }),
    ...(loadMs === undefined ? {} : { load_ms: loadMs }),
    execution_provider
  }
  yield* core.presence.beat(heartbeat)
})

const beatEvery = (core: Core) =>
  beat(core).pipe(
    Effect.catchDefect((defect) => Effect.logError("a bug in a heartbeat", defect)),
    Effect.andThen(Effect.sleep(heartbeatIntervalMs)),
    Effect.forever
  )

// ── what it hears ──

const followEngine = (core: Core) =>
  SubscriptionRef.changes(core.engine.status).pipe(
    Stream.runForEach(({ phase }) => Effect.andThen(change(core, (life) => ({ ...life, engine: phase })), beat(core)))
  )

/** Signals are at most once: without them the worker polls every second and re-reads the record. */
const listen = (core: Core) => {
  const makeWay = Effect.flatMap(core.presence.alive(core.options.pool), (agents) =>
    agents.length > 1 ? Effect.flatMap(Random.nextBetween(0, wakeJitterMs), Effect.sleep) : Effect.void)
  const wakes = core.lanes.wakes(core.options.pool).pipe(
    Stream.filter((wake) => core.options.models.includes(wake.model)),
    Stream.runForEach(() => Effect.andThen(makeWay, nudge(core)))
  )
  const cancels = core.signals.cancels.pipe(Stream.runForEach((jobId) => Queue.offer(core.cancels, jobId)))
  const again = <E, R>(listening: Effect.Effect<void, E, R>) =>
    Effect.forever(Effect.andThen(Effect.ignore(listening), Effect.sleep("1 second")))
  return Effect.all([again(wakes), again(cancels)], { concurrency: 2 })
}

const serveDrain = (core: Core) => {
  const { agent, pool } = core.options
  const answer = Effect.fnUntraced(function*({ resume }: DrainRequest) {
    const nowMs = yield* Clock.currentTimeMillis
    const life = yield* SubscriptionRef.updateAndGet(core.life, (before) => (resume ? endDrain(before) : renewDrain(before, nowMs)))
    yield* beat(core)
    if (resume) yield* nudge(core)
    return drainReply(life, agent)
  })
  return core.signals.serveDrain({ pool, agent }, answer).pipe(Effect.retry(Schedule.spaced("1 second")))
}

// ── set-up ──

/** While the first is at work: hashing tens of gigabytes takes minutes. One that is not usable fails its own jobs only. */
const checkOthers = Effect.fnUntraced(function*(core: Core, names: ReadonlyArray<string>) {
  const store = yield* ModelStore
  for (const name of names) {
    const model = yield* Effect.result(store.get(name))
    if (Result.isFailure(model)) yield* Effect.logWarning("model not usable").pipe(Effect.annotateLogs({ model: name, reason: model.failure.message }))
    yield* Ref.update(core.models, (models) => new Map(models).set(name, model))
    yield* nudge(core)
  }
})

const setUp = Effect.fnUntraced(function*(core: Core) {
  const store = yield* ModelStore
  const startedAt = yield* Clock.currentTimeMillis
  const [first, ...others] = core.options.models
  if (first !== undefined) {
    const model = yield* store.get(first)
    yield* Ref.update(core.models, (models) => new Map(models).set(first, Result.succeed(model)))
    yield* core.engine.load(model)
  }
  yield* Ref.set(core.loadMs, Math.max(0, Math.round((yield* Clock.currentTimeMillis) - startedAt)))
  yield* change(core, (life) => ({ ...life, setup: "done" }))
  yield* beat(core)
  yield* Effect.logInfo("agent ready").pipe(Effect.annotateLogs({ agent: core.options.agent, pool: core.options.pool }))
  yield* checkOthers(core, others)
}, (effect, core: Core) =>
  effect.pipe(
    // A bug here must not look like an agent that is about to be ready.
    Effect.catchDefect((defect) =>
      Effect.andThen(Effect.logError("a bug ended the set-up", defect), Effect.fail({ message: String(defect) }))),
    Effect.catch(Effect.fnUntraced(function*(error) {
      yield* Ref.set(core.setupProblem, error.message)
      yield* change(core, (life) => ({ ...life, setup: "failed" }))
      yield* Effect.logError("agent set-up failed").pipe(Effect.annotateLogs({ reason: error.message }))
      yield* beat(core)
    }))
  ))

// ── the slot ──

const pull = Effect.fnUntraced(function*(core: Core) {
  const checked = yield* Ref.get(core.models)
  const inMemory = (yield* SubscriptionRef.get(core.engine.status)).loaded
  const names = [...checked.keys()]
  const { agent, pool } = core.options
  const alive = yield* core.presence.alive(pool)
  return yield* core.lanes.poll({
    pool,
    loaded: names.filter((name) => inMemory.includes(name)),
    others: names.filter((name) => !inMemory.includes(name)),
    affinityDelayMs: (name) => {
      const model = checked.get(name)
      return affinityDelayMs(name, model === undefined || Result.isFailure(model) ? undefined : model.success.manifest, alive, agent)
    }
  })
})

const claimed = (core: Core, view: JobView) =>
  Effect.andThen(
    change(core, (life) => ({
      ...life,
      pulling: false,
      claim: { job_id: view.record.job_id, attempt: view.record.attempt, started_sequence: view.last.sequence }
    })),
    beat(core)
  )

const notServed = (model: string): CheckedModel =>
  Result.fail(new ModelInvalid({ model, message: `this agent does not serve the model ${model}` }))

const handle = Effect.fnUntraced(function*(core: Core, message: WorkMessage) {
  const { agent } = core.options
  const source = `/darkroom/agent/${agent}`
  const mine = yield* claimJob(message, { agent, source })
  if (mine === undefined) return
  const { inputs, view } = mine
  yield* claimed(core, view)
  const { job_id, model, traceparent } = view.record
  const timings = yield* Ref.make<EngineTimings | undefined>(undefined)
  const end = yield* holdJob({
    message,
    agent,
    source,
    model: (yield* Ref.get(core.models)).get(model) ?? notServed(model),
    inputs,
    view: yield* Ref.make(view),
    timings,
    onClaim: (again) => claimed(core, again),
    lookNow: Queue.take(core.cancels).pipe(Effect.repeat({ until: (id) => id === job_id }), Effect.asVoid),
    giveBack: core.giveBack
  }).pipe(continueTrace(traceparent), Effect.annotateLogs({ job_id, model }))
  yield* Effect.logInfo("job done").pipe(Effect.annotateLogs({ job_id, model, end, ...tenthsOfMs(yield* Ref.get(timings)) }))
})

const tenthsOfMs = (timings: EngineTimings | undefined) =>
  Object.fromEntries(Object.entries(timings ?? {}).map(([part, ms]) => [part, Math.round(ms * 10) / 10]))

/** One turn: pull, and if there is a job, see it through. True when there may be more at once. */
const turn = Effect.fnUntraced(function*(core: Core) {
  const nowMs = yield* Clock.currentTimeMillis
  const began = yield* SubscriptionRef.modify(core.life, (life) =>
    mayPull(life, nowMs) ? [true, { ...life, pulling: true }] : [false, life])
  if (!began) return false
  // No nudge: an empty turn would ask for the next one at once, for ever.
  const free = SubscriptionRef.modify(core.life, (life) => [life.claim !== undefined, { ...life, pulling: false, claim: undefined }])
  return yield* Effect.gen(function*() {
    // Most polls find nothing; a trace begins with the job.
    const message = yield* Effect.withTracerEnabled(pull(core), false)
    if (message === undefined) return false
    yield* handle(core, message)
    return true
  }).pipe(
    Effect.tap(() => Ref.set(core.pullsFail, false)),
    // Once an outage, not once a second.
    Effect.catch((error) =>
      Effect.flatMap(Ref.getAndSet(core.pullsFail, true), (known) =>
        Effect.as(
          (known ? Effect.logDebug("could not pull") : Effect.logWarning("could not pull")).pipe(Effect.annotateLogs({ operation: error.operation })),
          false
        ))
    ),
    // A bug costs this job an attempt, not the agent: heartbeats no longer name it, so another takes it over.
    Effect.catchDefect((defect) => Effect.as(Effect.logError("a bug ended the job", defect), false)),
    Effect.ensuring(Effect.flatMap(free, (hadClaim) => (hadClaim ? beat(core) : Effect.void)))
  )
})

const slot = Effect.fnUntraced(function*(core: Core) {
  const last = pollAfterMs.length - 1
  let quietTurns = last
  while (true) {
    if (yield* turn(core)) continue
    const pause = Effect.as(Effect.sleep(pollAfterMs[quietTurns]!), Math.min(quietTurns + 1, last))
    quietTurns = yield* Effect.raceFirst(Effect.as(Queue.take(core.nudges), 0), pause)
  }
})

/** Cancelling the run and writing `released`; longer only if the broker is away, and then nothing can be written. */
const giveBackMax = "10 seconds"

/** Stop pulling; let the job end within the grace time; else give it back (docs/operating.md). */
const shutDown = Effect.fnUntraced(function*(core: Core, fiber: Fiber.Fiber<unknown, unknown>) {
  yield* change(core, (life) => ({ ...life, stopping: true }))
  yield* beat(core)
  const idle = SubscriptionRef.changes(core.life).pipe(Stream.filter(isIdle), Stream.runHead, Effect.asVoid, Effect.interruptible)
  yield* idle.pipe(
    Effect.timeoutOrElse({
      duration: core.options.graceMs,
      orElse: () =>
        Effect.andThen(Deferred.succeed(core.giveBack, undefined), idle).pipe(
          Effect.timeoutOrElse({ duration: giveBackMax, orElse: () => Effect.logWarning("the job could not be given back in time") })
        )
    })
  )
  yield* Fiber.interrupt(fiber)
})
