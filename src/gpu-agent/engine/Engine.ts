import { Context, Effect, Fiber, Layer, Ref, Semaphore, SubscriptionRef } from "effect"
import type { StoredModel } from "../models/ModelStore.ts"
import { bringIn, freshLife, isOutOfMemory } from "./bringIn.ts"
import type { EngineError } from "./errors.ts"
import { type OnLoading, runIn, type RunSettings } from "./exchange.ts"
import type { EngineResult, RunRequest } from "./protocol.ts"
import type { EngineOptions } from "./options.ts"
import { awaitReady, type EngineStatus, forget, initialStatus, type Life, supervise, type Supervision } from "./supervise.ts"

/** The model process as the agent sees it: one run at a time, several models in memory, a new process whenever one ends. */
export class Engine extends Context.Service<Engine, {
  readonly status: SubscriptionRef.SubscriptionRef<EngineStatus>
  /** Puts a model into memory; those used longest ago go when there is no room for all (evictions.ts). */
  readonly load: (model: StoredModel) => Effect.Effect<void, EngineError>
  /**
   * Runs a job. Interrupting it cancels between two steps, or kills the process after `cancelHardStopMs`; either way
   * it returns with the engine free for the next run.
   */
  readonly run: (model: StoredModel, request: RunRequest, settings: RunSettings) => Effect.Effect<EngineResult, EngineError>
}>()("darkroom/gpu-agent/engine/Engine") {
  static readonly layer = (options: EngineOptions) => Layer.effect(Engine, makeEngine(options))
}

const quietly: OnLoading = () => Effect.void

const makeEngine = Effect.fnUntraced(function*(options: EngineOptions) {
  const supervision: Supervision = {
    options,
    status: yield* SubscriptionRef.make(initialStatus),
    life: yield* Ref.make<Life | undefined>(undefined),
    failures: yield* Ref.make(0)
  }
  const oneAtATime = yield* Semaphore.make(1)
  const scope = yield* Effect.scope
  let loading: Fiber.Fiber<Life, EngineError> | undefined
  /** Of whoever waits for the load that is under way; it may have begun for a job that was cancelled since. */
  let onLoading = quietly
  yield* Effect.forkScoped(supervise(supervision))

  const ensure = Effect.fnUntraced(function*(model: StoredModel): Effect.fn.Return<Life, EngineError> {
    if (loading !== undefined) yield* Fiber.await(loading)
    const now = yield* awaitReady(supervision)
    const resident = now.residents.get(model.manifest.name)
    if (resident !== undefined) {
      // The last of the map is the one used last.
      now.residents.delete(resident.name)
      now.residents.set(resident.name, resident)
      return now
    }
    // A fiber of its own: a job cancelled while its model loads must not leave half a load behind.
    loading = yield* Effect.forkIn(bringIn(supervision, model, (progress) => onLoading(progress)), scope)
    return yield* Fiber.join(loading)
  })
  const ensureFor = (model: StoredModel, listener: OnLoading) =>
    Effect.suspend(() => {
      onLoading = listener
      return Effect.ensuring(ensure(model), Effect.sync(() => void (onLoading = quietly)))
    })
  const runOnce = (now: Life, request: RunRequest, settings: RunSettings) =>
    runIn(now.process, request, settings, options.cancelHardStopMs).pipe(
      Effect.onExit(() => Effect.flatMap(now.process.hasEnded, (gone) => gone ? forget(supervision, now) : Effect.void))
    )
  const run = Effect.fn("engine.run")(function*(model: StoredModel, request: RunRequest, settings: RunSettings) {
    const now = yield* ensureFor(model, settings.onLoading)
    return yield* runOnce(now, request, settings).pipe(
      // By what they declare all models fit, and this run did not: once more, with the memory to itself.
      Effect.catchIf((error) => isOutOfMemory(error) && now.residents.size > 1, () =>
        Effect.logWarning("out of memory beside other models; running alone").pipe(
          Effect.andThen(freshLife(supervision, now)),
          Effect.andThen(ensureFor(model, settings.onLoading)),
          Effect.flatMap((alone) => runOnce(alone, request, settings))
        ))
    )
  }, oneAtATime.withPermit)
  return Engine.of({
    status: supervision.status,
    load: (model) => oneAtATime.withPermit(Effect.asVoid(ensureFor(model, quietly))),
    run
  })
})
