import { Clock, Context, Effect, Layer, Queue, Random } from "effect"
import { EventBudget, type Occurrence, type Verdict } from "./eventBudget.ts"
import type { KubeError } from "./errors.ts"
import { KubeClient } from "./KubeClient.ts"
import { monotonicMs } from "./monotonic.ts"
import { events } from "./resources.ts"

export type { Occurrence } from "./eventBudget.ts"

const waitingEvents = 256
const messageMaxChars = 1_024

/** What happened to an object, for `kubectl describe`. */
export class EventRecorder extends Context.Service<EventRecorder, {
  /** Never fails and never waits: an event that finds no room, or cannot be written, is dropped. Call it once a transition. */
  readonly record: (occurrence: Occurrence) => Effect.Effect<void>
}>()("darkroom/platform/kubernetes/EventRecorder") {
  /** `component` is the program's name, `instance` the pod's. */
  static readonly layer = (component: string, instance: string): Layer.Layer<EventRecorder, never, KubeClient> =>
    Layer.effect(EventRecorder, Effect.suspend(() => make(component, instance)))
}

interface Source {
  readonly component: string
  readonly instance: string
  readonly namespace: string
}

const draftOf = (occurrence: Occurrence, name: string, at: string, { component, instance, namespace }: Source) => ({
  metadata: { name },
  involvedObject: { ...occurrence.regarding, namespace },
  type: occurrence.type,
  reason: occurrence.reason,
  message: occurrence.message.slice(0, messageMaxChars),
  source: { component },
  reportingComponent: component,
  reportingInstance: instance,
  count: 1,
  firstTimestamp: at,
  lastTimestamp: at
})

/** RFC 3339 without fractions, as core/v1 times are. */
const seconds = (wallMs: number) => new Date(wallMs).toISOString().replace(/\.\d+Z$/, "Z")

const make = Effect.fnUntraced(function*(component: string, instance: string) {
  const client = yield* KubeClient
  const budget = new EventBudget()
  const source = { component, instance, namespace: client.namespace }
  const waiting = yield* Queue.dropping<readonly [Occurrence, Verdict]>(waitingEvents)

  const write = (occurrence: Occurrence, verdict: Verdict, at: string): Effect.Effect<unknown, KubeError> =>
    verdict._tag === "count"
      ? client.patch(events, verdict.name, { count: verdict.count, lastTimestamp: at })
      : verdict._tag === "create"
      ? client.create(events, draftOf(occurrence, verdict.name, at, source))
      : Effect.void

  yield* Effect.gen(function*() {
    const [occurrence, verdict] = yield* Queue.take(waiting)
    const at = seconds(yield* Clock.currentTimeMillis)
    yield* write(occurrence, verdict, at).pipe(
      Effect.catch((error) => {
        budget.forget(occurrence)
        return Effect.logDebug(`the event ${occurrence.reason} was not recorded: ${error.message}`)
      })
    )
  }).pipe(Effect.forever, Effect.forkScoped)

  const record = Effect.fnUntraced(function*(occurrence: Occurrence) {
    const unique = ((yield* Clock.currentTimeMillis) * 4_096 + (yield* Random.nextIntBetween(0, 4_095))).toString(16)
    const verdict = budget.judge(occurrence, unique, yield* monotonicMs)
    if (verdict._tag !== "drop") yield* Queue.offer(waiting, [occurrence, verdict])
  })

  return EventRecorder.of({ record })
})
