import { Clock, Context, Effect, Layer, Stream } from "effect"
import type { KubeError } from "../../platform/kubernetes/errors.ts"
import { KubeClient } from "../../platform/kubernetes/KubeClient.ts"
import { type Pod, pods } from "../../platform/kubernetes/resources.ts"
import { type Owner, podOf, type PodPlace, type PodSettings } from "../reconcile/podSpec.ts"
import { Cluster } from "./Cluster.ts"
import { Expectations } from "./expectations.ts"
import { busyLabel, fieldManager, poolLabel } from "./podNames.ts"
import { type PodView, viewOf } from "./podView.ts"

/** Karpenter leaves the node of such a pod alone. */
const doNotDisrupt = "karpenter.sh/do-not-disrupt"

/** Agents as pods, for one time in office: what a process is on one machine. Decides nothing. */
export class AgentPods extends Context.Service<AgentPods, {
  /** The pods that a pool owns, as the cache has them. */
  readonly list: (owner: Owner) => Effect.Effect<ReadonlyArray<PodView>>
  /** Writes of this term that `list` does not show yet; 0 = it can be planned from. */
  readonly unseenWrites: (owner: Owner) => Effect.Effect<number>
  /** That somebody has created it already is success. */
  readonly create: (owner: Owner, place: PodPlace) => Effect.Effect<void, KubeError>
  /** Only this pod, and only as it was seen: false when it has changed or is gone. */
  readonly remove: (owner: Owner, pod: PodView, options?: { readonly graceS?: number }) => Effect.Effect<boolean, KubeError>
  /** The pool with this UID is gone, and its pods with it. */
  readonly forget: (poolUid: string) => Effect.Effect<void>
  readonly markBusy: (pod: PodView, busy: boolean) => Effect.Effect<void, KubeError>
}>()("darkroom/operator/fleet/AgentPods") {
  static readonly layer = (settings: PodSettings) => Layer.effect(AgentPods, make(settings))
}

const isOf = (pod: Pod, owner: Owner): boolean =>
  pod.metadata.labels?.[poolLabel] === owner.metadata.name &&
  pod.metadata.ownerReferences?.some((reference) => reference.uid === owner.metadata.uid) === true

const make = Effect.fnUntraced(function*(settings: PodSettings) {
  const client = yield* KubeClient
  const cluster = yield* Cluster
  const expectations = new Map<string, Expectations>()

  const expectationsOf = (poolUid: string): Expectations => {
    const known = expectations.get(poolUid) ?? new Expectations()
    expectations.set(poolUid, known)
    return known
  }

  // What is over before anybody looks is noted as it passes.
  yield* cluster.pods.changes.pipe(
    Stream.runForEach(({ object, type }) =>
      Effect.sync(() => {
        const { deletionTimestamp, name, ownerReferences = [], uid } = object.metadata
        for (const owner of ownerReferences) {
          expectations.get(owner.uid)?.seen({ name, uid }, type === "deleted" || deletionTimestamp !== undefined)
        }
      })
    ),
    Effect.forkScoped
  )

  const list = (owner: Owner) => Effect.map(cluster.pods.all, (all) => all.filter((pod) => isOf(pod, owner)).map(viewOf))

  const create = Effect.fn("AgentPods.create")(function*(owner: Owner, place: PodPlace) {
    const expected = expectationsOf(owner.metadata.uid)
    expected.expectCreated(place.name, yield* Clock.currentTimeMillis)
    yield* client.create(pods, podOf(owner, settings, place), { fieldManager }).pipe(
      Effect.catchTag("ApiExists", () => Effect.void),
      Effect.tapError(() => Effect.sync(() => expected.forget(place.name)))
    )
  })

  const remove = Effect.fn("AgentPods.remove")(function*(owner: Owner, pod: PodView, options: { readonly graceS?: number } = {}) {
    const expected = expectationsOf(owner.metadata.uid)
    expected.expectDeleted(pod.uid, yield* Clock.currentTimeMillis)
    return yield* client.delete(pods, pod.name, {
      uid: pod.uid,
      resourceVersion: pod.resourceVersion,
      ...(options.graceS === undefined ? {} : { gracePeriodSeconds: options.graceS })
    }).pipe(
      Effect.as(true),
      Effect.tapError(() => Effect.sync(() => expected.forget(pod.uid))),
      // Somebody else deleted it, or it has changed: the next look shows what is so now.
      Effect.catchTags({ ApiNotFound: () => Effect.succeed(false), ApiConflict: () => Effect.succeed(false) })
    )
  })

  const markBusy = Effect.fn("AgentPods.markBusy")(function*(pod: PodView, busy: boolean) {
    const value = busy ? "true" : null
    yield* client.patch(pods, pod.name, {
      metadata: { uid: pod.uid, labels: { [busyLabel]: value }, annotations: { [doNotDisrupt]: value } }
    }, { fieldManager }).pipe(Effect.asVoid, Effect.catchTags({ ApiNotFound: () => Effect.void, ApiConflict: () => Effect.void }))
  })

  return AgentPods.of({
    list,
    unseenWrites: Effect.fnUntraced(function*(owner: Owner) {
      const expected = expectationsOf(owner.metadata.uid)
      // Nearly always, and a list goes through the pods of all pools.
      if (expected.isEmpty) return 0
      return expected.unseen(yield* list(owner), yield* Clock.currentTimeMillis)
    }),
    create,
    remove,
    forget: (poolUid) => Effect.sync(() => void expectations.delete(poolUid)),
    markBusy
  })
})
