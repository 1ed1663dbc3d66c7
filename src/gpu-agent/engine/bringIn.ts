import { Effect, Ref, SubscriptionRef } from "effect"
import type { ModelLoading } from "../../contract/AgentMessages.ts"
import type { StoredModel } from "../models/ModelStore.ts"
import type { ExecutionProvider } from "../onnx/device.ts"
import { type EngineError, RunFailed } from "./errors.ts"
import { makeRoom, type Resident } from "./evictions.ts"
import { loadInto, type OnLoading, unloadFrom } from "./exchange.ts"
import { loadingOf, memoryBytesOf } from "./loadParts.ts"
import { awaitReady, forget, type Life, type Supervision } from "./supervise.ts"

/** Brings a model into the engine's memory, where others may have to go for it. */

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`

/** Pure: why a model can never be loaded here. */
export const tooLarge = (model: Resident, provider: ExecutionProvider, budgetBytes: number): RunFailed =>
  new RunFailed({
    class: "model_error",
    message: `${model.name} needs ${gigabytes(model.memoryBytes)} on ${provider}, and its engine may use ${gigabytes(budgetBytes)} ` +
      `(${provider === "cuda" ? "GPU_MEMORY_MAX_BYTES" : "ENGINE_MEMORY_MAX_BYTES"}).`
  })

const showLoaded = ({ status }: Supervision, { residents }: Life, loading: ModelLoading | null) =>
  SubscriptionRef.update(status, (before) => ({ ...before, loaded: [...residents.keys()], loading }))

/** The one way to get all memory back, whatever a library kept of it. */
export const freshLife = Effect.fnUntraced(function*(supervision: Supervision, now: Life) {
  yield* now.process.kill("make room")
  yield* forget(supervision, now)
  return yield* awaitReady(supervision)
})

/** Unloads these models; gives another life, with nothing in memory, when the process does not manage. */
const evict = Effect.fnUntraced(function*(supervision: Supervision, now: Life, models: ReadonlyArray<string>) {
  for (const model of models) {
    yield* Effect.logInfo("model unloaded to make room").pipe(Effect.annotateLogs({ model }))
    now.residents.delete(model)
    if (!(yield* unloadFrom(now.process, model, supervision.options.unloadTimeoutMs))) return yield* freshLife(supervision, now)
  }
  return now
})

export const bringIn = Effect.fnUntraced(function*(
  supervision: Supervision,
  model: StoredModel,
  onLoading: OnLoading
): Effect.fn.Return<Life, EngineError> {
  const { failures, options } = supervision
  const { manifest } = model
  let now = yield* awaitReady(supervision)
  const { budgetBytes, provider } = now
  const wanted = { name: manifest.name, memoryBytes: memoryBytesOf(manifest, provider) }
  const room = makeRoom([...now.residents.values()], wanted, budgetBytes)
  if (room._tag === "TooLarge") return yield* tooLarge(wanted, provider, budgetBytes)
  const tell: OnLoading = (loading) => Effect.andThen(Effect.suspend(() => showLoaded(supervision, now, loading)), onLoading(loading))
  yield* tell(loadingOf(manifest, provider))
  now = yield* evict(supervision, now, room.evict)
  const load = Effect.suspend(() => loadInto(now.process, model, options.loadTimeoutMs, tell))
  yield* load.pipe(
    // What is declared fits, what is really free did not: once more where nothing else is.
    Effect.catchIf((error) => isOutOfMemory(error) && now.residents.size > 0, () =>
      Effect.andThen(Effect.map(freshLife(supervision, now), (fresh) => void (now = fresh)), load)),
    Effect.onError(() => showLoaded(supervision, now, null))
  )
  now.residents.set(wanted.name, wanted)
  yield* Ref.set(failures, 0)
  yield* showLoaded(supervision, now, null)
  return now
})

export const isOutOfMemory = (error: EngineError): boolean =>
  error._tag === "EngineOutOfMemory" || (error._tag === "RunFailed" && error.class === "out_of_memory")
