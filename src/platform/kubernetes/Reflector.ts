import { Deferred, Effect, PubSub, Random, type Scope, Semaphore, Stream } from "effect"
import { ApiInvalid, ApiUnavailable, isRetryable, type KubeError, retryAfterMsOf } from "./errors.ts"
import { KubeClient, type ListOptions, type ObjectList, type Undecodable, type WatchEvent } from "./KubeClient.ts"
import { monotonicMs } from "./monotonic.ts"
import { type Change, compareVersions, ObjectCache } from "./objectCache.ts"
import type { KubeObject, Resource } from "./resources.ts"

export type { Change } from "./objectCache.ts"

/** A copy of all objects of one kind that follows the API server for as long as its scope is open, whatever happens. */
export interface Reflector<A> {
  /** Once the first list is in. */
  readonly synced: Effect.Effect<void>
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
  /** A watch that says nothing for so long is opened again where it was; servers bookmark every minute. Default 90 s. */
  readonly silenceMs?: number
  /** The end of a watch leads to a new list when the last one is older. Default 20 minutes. */
  readonly relistAfterMs?: number
}

const waitingChanges = 4_096
/** 100,000 objects of 500 a page. */
const pagesMax = 200
const backoffFirstMs = 200
const backoffMaxMs = 30_000
/** A watch that ends sooner, having told nothing, is a failure: it must not be opened again and again at once. */
const shortWatchMs = 1_000
/** What a server may take longer than it was allowed to, to end a watch. */
const overtimeMs = 30_000
/** An answer from before what is known comes from a server that lags; so many in a row, and the past has changed. */
const staleListsMax = 3

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

/** All pages as one list, of the version of the first. */
const listAll = Effect.fnUntraced(function*<A extends KubeObject>(settings: Settings<A>, heard: Effect.Effect<void>) {
  const { pageObjects: limit, resource, selector } = settings
  const client = yield* KubeClient
  const items: Array<A> = []
  const undecodable: Array<Undecodable> = []
  let options: ListOptions = { ...selector, limit }
  for (let pages = 0; pages < pagesMax; pages++) {
    const page: ObjectList<A> = yield* client.list(resource, options)
    yield* heard
    items.push(...page.items)
    undecodable.push(...page.undecodable)
    if (page.continue === undefined) return { items, undecodable, resourceVersion: page.resourceVersion }
    options = { ...selector, limit, continue: page.continue }
  }
  return yield* new ApiInvalid({ operation: `list ${resource.plural}`, reason: `more than ${pagesMax * limit} objects`, details: [] })
})

const backoffMs = (failures: number) =>
  Effect.map(Random.next, (random) => Math.min(backoffMaxMs, backoffFirstMs * 2 ** (failures - 1)) * (0.5 + random / 2))

/** Said once when it begins to matter: a reset now and then does not. */
const report = (plural: string, error: KubeError, failures: number) =>
  failures === (isRetryable(error) ? 3 : 1) && error._tag !== "ApiGone"
    ? Effect.logWarning(`${plural} cannot be followed at present; trying on. ${error.message}`)
    : Effect.void

/** Begins at once; ends with the scope and by nothing else. */
export const reflect = Effect.fnUntraced(function*<A extends KubeObject>(
  resource: Resource<A>,
  options: ReflectorOptions = {}
): Effect.fn.Return<Reflector<A>, never, Scope.Scope | KubeClient> {
  const settings = settingsOf(resource, options)
  const client = yield* KubeClient
  const cache = new ObjectCache<A>()
  const synced = yield* Deferred.make<void>()
  const published = yield* Effect.acquireRelease(PubSub.bounded<Change<A>>(waitingChanges), PubSub.shutdown)
  // What a new subscriber finds and what it is then told must fit together.
  const oneAtATime = yield* Semaphore.make(1)
  let missed = 0
  let contactAtMs = Number.NEGATIVE_INFINITY
  let listedAtMs = 0
  let staleLists = 0
  let mustList = true

  const heard = Effect.map(monotonicMs, (nowMs) => {
    contactAtMs = nowMs
  })

  const publish = (changes: () => ReadonlyArray<Change<A>>) =>
    oneAtATime.withPermit(Effect.suspend(() => PubSub.publishAll(published, changes())))

  const list = Effect.gen(function*() {
    const found = yield* listAll(settings, heard)
    if (cache.version !== undefined && compareVersions(found.resourceVersion, cache.version) === -1 && ++staleLists < staleListsMax) {
      return yield* new ApiUnavailable({ operation: `list ${resource.plural}`, reason: "an answer from before what is known already" })
    }
    staleLists = 0
    const isFirst = cache.version === undefined
    yield* publish(() => {
      const changes = cache.replace(found)
      if (!isFirst) missed += changes.length
      return changes
    })
    yield* Effect.forEach(found.undecodable, reportUndecodable, { discard: true })
    listedAtMs = yield* monotonicMs
    mustList = false
    yield* Deferred.succeed(synced, undefined)
  })

  const reportUndecodable = (found: Undecodable) =>
    Effect.logError(`${resource.kind} ${found.key || "(unknown)"} cannot be read and is passed over: ${found.problem}`)

  const take = Effect.fnUntraced(function*(event: WatchEvent<A>) {
    yield* heard
    if (event.type === "undecodable") yield* reportUndecodable(event.found)
    yield* publish(() => cache.apply(event))
  })

  /** True when it told something, or lasted. */
  const watch = Effect.gen(function*() {
    const timeoutSeconds = Math.ceil(settings.watchSeconds * (1 + (yield* Random.next)))
    const beganAtMs = yield* monotonicMs
    let told = false
    yield* client.watch(resource, { ...settings.selector, resourceVersion: cache.version ?? "", timeoutSeconds, allowBookmarks: true }).pipe(
      Stream.timeout(settings.silenceMs),
      Stream.runForEach((event) => {
        if (event.type !== "opened") {
          told = true
          failures = 0
        }
        return take(event)
      }),
      Effect.timeoutOption(timeoutSeconds * 1_000 + overtimeMs)
    )
    return told || (yield* monotonicMs) - beganAtMs >= shortWatchMs
  })

  let failures = 0

  const failed = Effect.fnUntraced(function*(error: KubeError) {
    failures += 1
    if (error._tag === "ApiGone") mustList = true
    yield* report(resource.plural, error, failures)
    yield* Effect.sleep(Math.max(yield* backoffMs(failures), retryAfterMsOf(error) ?? 0))
  })

  const round = Effect.gen(function*() {
    const nowMs = yield* monotonicMs
    if (mustList || nowMs - listedAtMs >= settings.relistAfterMs) yield* list
    if (yield* watch) failures = 0
    else return yield* new ApiUnavailable({ operation: `watch ${resource.plural}`, reason: "the watch ended at once" })
  })

  yield* Effect.forever(Effect.catch(round, failed)).pipe(Effect.forkScoped)

  const afterSync = <B>(read: () => B) => Effect.map(Deferred.await(synced), read)
  return {
    synced: Deferred.await(synced),
    all: afterSync(() => [...cache.objects.values()]),
    get: (key) => afterSync(() => cache.objects.get(key)),
    changes: Stream.unwrap(oneAtATime.withPermit(
      Effect.map(PubSub.subscribe(published), (subscription) =>
        Stream.concat(
          Stream.fromIterable([...cache.objects.values()].map((object): Change<A> => ({ type: "added", object }))),
          Stream.fromSubscription(subscription)
        ))
    )),
    missed: Effect.sync(() => missed),
    lastContactMs: Effect.map(monotonicMs, (nowMs) => nowMs - contactAtMs),
    undecodable: Effect.sync(() => [...cache.undecodable.values()])
  }
})
