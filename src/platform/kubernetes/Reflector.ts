import { Deferred, Effect, PubSub, Random, Schedule, type Scope, Semaphore, Stream } from "effect"
import { ApiInvalid, ApiUnavailable, isRetryable, type KubeError, retryAfterMsOf } from "./errors.ts"
import { KubeClient } from "./KubeClient.ts"
import type { KubeClientShape, ListOptions, ObjectList, Undecodable, WatchEvent } from "./operations.ts"
import { monotonicMs } from "./monotonic.ts"
import { type Change, compareVersions, ObjectCache } from "./objectCache.ts"
import type { KubeObject, Resource } from "./resources.ts"

export type { Change } from "./objectCache.ts"

/** A copy of all objects of one kind that follows the API server for as long as its scope is open, whatever happens. */
export interface Reflector<A> {
  /** Once the first list is in. */
  readonly synced: Effect.Effect<void>
  /** Once a list that is asked for now is in: nothing that was so before is missing then. */
  readonly refreshed: Effect.Effect<void>
  /** All objects as known now: complete, if perhaps behind. Waits for the first list. */
  readonly all: Effect.Effect<ReadonlyArray<A>>
  /** By `namespace/name`. Waits for the first list. */
  readonly get: (key: string) => Effect.Effect<A | undefined>
  /**
   * What is there now as `added`, then every change. All subscribers wait for the slowest one, so that no change is
   * lost: do no more in there than to note what is to be looked at.
   */
  readonly changes: Stream.Stream<Change<A>>
  /** Changes that a later list found and no watch had told: among them all that happened while no watch could run. */
  readonly missed: Effect.Effect<number>
  /** Milliseconds since the API server was last heard about these objects; infinite before the first answer. */
  readonly lastContactMs: Effect.Effect<number>
  /** Objects that are there but cannot be read; `all` has the last form that could, if there was one. */
  readonly undecodable: Effect.Effect<ReadonlyArray<Undecodable>>
}

export interface ReflectorOptions {
  readonly labelSelector?: string
  /** Objects a page. Default 500. */
  readonly pageObjects?: number
  /** A watch lasts between this and twice this. Default 300 s. */
  readonly watchSeconds?: number
  /**
   * A watch that says nothing for so long ends in a new list. Servers bookmark every minute, once there was any change;
   * a version that the server has yet to reach, after its store was restored, is met with silence too. Default 90 s.
   */
  readonly silenceMs?: number
  /** The end of a watch leads to a new list when the last one is older. Default 20 minutes. */
  readonly relistAfterMs?: number
}

const waitingChanges = 4_096
/** 100,000 objects of 500 a page. */
const pagesMax = 200
const backoffFirstMs = 200
const backoffMaxMs = 30_000
/** Somebody waits for it. */
const refreshRetryMs = 500
/** A watch that ends sooner, having told nothing, is a failure: it must not be opened again and again at once. */
const shortWatchMs = 1_000
/** What a server may take longer than it was allowed to, to end a watch. */
const overtimeMs = 30_000
/** An answer from before what is known comes from a server that lags; so many in a row, and the past has changed. */
const staleListsMax = 5

interface Settings<A extends KubeObject> {
  readonly resource: Resource<A>
  readonly selector: { readonly labelSelector?: string }
  readonly pageObjects: number
  readonly watchSeconds: number
  readonly silenceMs: number
  readonly relistAfterMs: number
}

const settingsOf = <A extends KubeObject>(resource: Resource<A>, options: ReflectorOptions): Settings<A> => ({
  resource,
  selector: options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector },
  pageObjects: options.pageObjects ?? 500,
  watchSeconds: options.watchSeconds ?? 300,
  silenceMs: options.silenceMs ?? 90_000,
  relistAfterMs: options.relistAfterMs ?? 20 * 60_000
})

/** A reflector's memory. */
interface Copy<A extends KubeObject> {
  readonly settings: Settings<A>
  readonly client: KubeClientShape
  readonly cache: ObjectCache<A>
  readonly synced: Deferred.Deferred<void>
  readonly published: PubSub.PubSub<Change<A>>
  /** What a new subscriber finds and what it is then told must fit together. */
  readonly oneAtATime: Semaphore.Semaphore
  missed: number
  /** On the monotonic clock, as the next. */
  contactAtMs: number
  listedAtMs: number
  mustList: boolean
  /** Lists from before what is known, in a row. */
  staleLists: number
  /** Since something was last heard. */
  failures: number
}

const heard = <A extends KubeObject>(copy: Copy<A>) =>
  Effect.map(monotonicMs, (nowMs) => {
    copy.contactAtMs = nowMs
  })

/** Changes the cache, then tells. Whoever is told may look at everything, so the copy is complete by then. */
const publish = <A extends KubeObject>({ oneAtATime, published, synced }: Copy<A>, change: () => ReadonlyArray<Change<A>>) =>
  oneAtATime.withPermit(Effect.gen(function*() {
    const changes = change()
    yield* Deferred.succeed(synced, undefined)
    yield* PubSub.publishAll(published, changes)
  }))

const reportUndecodable = (kind: string) => (found: Undecodable) =>
  Effect.logError(`${kind} ${found.key || "(unknown)"} cannot be read and is passed over: ${found.problem}`)

/** All pages as one list, of the version of the first. */
const listPages = Effect.fnUntraced(function*<A extends KubeObject>(copy: Copy<A>) {
  const { pageObjects: limit, resource, selector } = copy.settings
  const items: Array<A> = []
  const undecodable: Array<Undecodable> = []
  let options: ListOptions = { ...selector, limit }
  for (let pages = 0; pages < pagesMax; pages++) {
    const page: ObjectList<A> = yield* copy.client.list(resource, options)
    yield* heard(copy)
    items.push(...page.items)
    undecodable.push(...page.undecodable)
    if (page.continue === undefined) return { items, undecodable, resourceVersion: page.resourceVersion }
    options = { ...selector, limit, continue: page.continue }
  }
  return yield* new ApiInvalid({ operation: `list ${resource.plural}`, reason: `more than ${pagesMax * limit} objects`, details: [] })
})

const list = Effect.fnUntraced(function*<A extends KubeObject>(copy: Copy<A>) {
  const { cache, settings: { resource } } = copy
  const found = yield* listPages(copy)
  const isFirst = cache.version === undefined
  const isStale = cache.version !== undefined && compareVersions(found.resourceVersion, cache.version) === -1
  if (isStale && ++copy.staleLists < staleListsMax) {
    return yield* new ApiUnavailable({ operation: `list ${resource.plural}`, reason: "an answer from before what is known already" })
  }
  copy.staleLists = 0
  yield* publish(copy, () => {
    const changes = cache.replace(found)
    if (!isFirst) copy.missed += changes.length
    return changes
  })
  yield* Effect.forEach(found.undecodable, reportUndecodable(resource.kind), { discard: true })
  copy.listedAtMs = yield* monotonicMs
  copy.mustList = false
})

const take = Effect.fnUntraced(function*<A extends KubeObject>(copy: Copy<A>, event: WatchEvent<A>) {
  yield* heard(copy)
  if (event.type !== "opened") copy.failures = 0
  if (event.type === "undecodable") yield* reportUndecodable(copy.settings.resource.kind)(event.found)
  yield* publish(copy, () => copy.cache.apply(event))
})

/** Ends without a failure when the watch had its time, or fell silent. */
const watch = Effect.fnUntraced(function*<A extends KubeObject>(copy: Copy<A>) {
  const { cache, client, settings: { resource, selector, silenceMs, watchSeconds } } = copy
  const timeoutSeconds = Math.ceil(watchSeconds * (1 + (yield* Random.next)))
  const beganAtMs = yield* monotonicMs
  let events = 0
  const toldNothing = Stream.suspend(() => {
    copy.mustList = true
    return Stream.empty
  })
  yield* client.watch(resource, { ...selector, resourceVersion: cache.version ?? "", timeoutSeconds, allowBookmarks: true }).pipe(
    Stream.timeoutOrElse({ duration: silenceMs, orElse: () => toldNothing }),
    Stream.runForEach((event) => {
      if (event.type !== "opened") events += 1
      return take(copy, event)
    }),
    Effect.timeoutOption(timeoutSeconds * 1_000 + overtimeMs)
  )
  if (events === 0 && (yield* monotonicMs) - beganAtMs < shortWatchMs) {
    return yield* new ApiUnavailable({ operation: `watch ${resource.plural}`, reason: "the watch ended at once" })
  }
  copy.failures = 0
})

const backoffMs = (failures: number) =>
  Effect.map(Random.next, (random) => Math.min(backoffMaxMs, backoffFirstMs * 2 ** (failures - 1)) * (0.5 + random / 2))

/** Said once when it begins to matter: a reset now and then does not. */
const report = (plural: string, error: KubeError, failures: number) =>
  failures === (isRetryable(error) ? 3 : 1) && error._tag !== "ApiGone"
    ? Effect.logWarning(`${plural} cannot be followed at present; trying on. ${error.message}`)
    : Effect.void

const recover = Effect.fnUntraced(function*<A extends KubeObject>(copy: Copy<A>, error: KubeError) {
  copy.failures += 1
  if (error._tag === "ApiGone") copy.mustList = true
  yield* report(copy.settings.resource.plural, error, copy.failures)
  yield* Effect.sleep(Math.max(yield* backoffMs(copy.failures), retryAfterMsOf(error) ?? 0))
})

const follow = <A extends KubeObject>(copy: Copy<A>): Effect.Effect<never> => {
  const { relistAfterMs, resource } = copy.settings
  // A mistake in here must be seen, but must not leave a program with a copy that stands still.
  const defect = (cause: unknown) =>
    Effect.andThen(Effect.logError(`following ${resource.plural} failed; trying on`, cause), Effect.sleep(backoffMaxMs))
  return Effect.gen(function*() {
    if (copy.mustList || (yield* monotonicMs) - copy.listedAtMs >= relistAfterMs) yield* list(copy)
    yield* watch(copy)
  }).pipe(Effect.catch((error) => recover(copy, error)), Effect.catchDefect(defect), Effect.forever)
}

const changesOf = <A extends KubeObject>({ cache, oneAtATime, published }: Copy<A>): Stream.Stream<Change<A>> =>
  Stream.unwrap(oneAtATime.withPermit(
    Effect.map(PubSub.subscribe(published), (subscription) => {
      const present = [...cache.objects.values()].map((object): Change<A> => ({ type: "added", object }))
      return Stream.concat(Stream.fromIterable(present), Stream.fromSubscription(subscription))
    })
  ))

/** Begins at once; ends with the scope and by nothing else. */
export const reflect = Effect.fnUntraced(function*<A extends KubeObject>(
  resource: Resource<A>,
  options: ReflectorOptions = {}
): Effect.fn.Return<Reflector<A>, never, Scope.Scope | KubeClient> {
  const copy: Copy<A> = {
    settings: settingsOf(resource, options),
    client: yield* KubeClient,
    cache: new ObjectCache<A>(),
    synced: yield* Deferred.make<void>(),
    published: yield* Effect.acquireRelease(PubSub.bounded<Change<A>>(waitingChanges), PubSub.shutdown),
    oneAtATime: yield* Semaphore.make(1),
    missed: 0,
    contactAtMs: Number.NEGATIVE_INFINITY,
    listedAtMs: 0,
    mustList: true,
    staleLists: 0,
    failures: 0
  }
  yield* Effect.forkScoped(follow(copy))

  const synced = Deferred.await(copy.synced)
  const { objects, undecodable } = copy.cache
  return {
    synced,
    refreshed: Effect.andThen(synced, Effect.retry(list(copy), { schedule: Schedule.spaced(refreshRetryMs) }).pipe(Effect.orDie)),
    all: Effect.map(synced, () => [...objects.values()]),
    get: (key) => Effect.map(synced, () => objects.get(key)),
    changes: changesOf(copy),
    missed: Effect.sync(() => copy.missed),
    lastContactMs: Effect.map(monotonicMs, (nowMs) => nowMs - copy.contactAtMs),
    undecodable: Effect.sync(() => [...undecodable.values()])
  }
})
