import { Cause, Effect, Queue, Stream } from "effect"
import { ApiUnavailable } from "../../platform/kubernetes/errors.ts"
import type { ApiRequest, OpenWatch, WatchLine } from "../../platform/kubernetes/KubeTransport.ts"
import type { Faults } from "./faults.ts"
import { bookmarkOf, eventOf, shown, type ShownEvent } from "./reads.ts"
import type { Route } from "./routes.ts"
import { matches } from "./selectors.ts"
import { expired } from "./status.ts"
import type { Change, Store } from "./store.ts"

/** A watcher that lags behind further is cut off, as by a real server. */
const waitingEvents = 10_000
const defaultTimeoutSeconds = 1_800

/** One open watch, for tests that end it in some way. */
export interface Watching {
  readonly request: ApiRequest
  end(): void
  /** The connection breaks. */
  reset(): void
  /** Says nothing more, not even bookmarks, and does not end: a half-open connection. */
  mute(): void
}

/** A version that is yet to come is waited for. */
const concerning = (change: Change, { kind, namespace, query }: Route): ReadonlyArray<ShownEvent> => {
  if (change.kind !== kind || change.namespace !== namespace || change.revision <= Number(query.get("resourceVersion") ?? 0)) return []
  const event = eventOf(change, query.get("labelSelector") ?? "")
  return event === undefined ? [] : [event]
}

/** What a watch begins with: everything now, what came after its version, or that the version is no good. */
const beginning = (store: Store, route: Route): ReadonlyArray<ShownEvent> => {
  const { kind, namespace, query } = route
  const version = Number(query.get("resourceVersion") ?? 0)
  if (version === 0) {
    return store.list(kind, namespace)
      .filter((each) => matches(query.get("labelSelector") ?? "", each.object))
      .map((each) => ({ type: "ADDED", object: shown(kind, each) }))
  }
  if (version < store.compacted) {
    return [{ type: "ERROR", object: expired(`too old resource version: ${version} (${store.compacted})`).body }]
  }
  return store.changesAfter(version).flatMap((change) => concerning(change, route))
}

export interface WatchServer {
  readonly store: Store
  readonly faults: Faults
  readonly watches: Set<Watching>
  readonly bookmarkMs: number
}

/** Times are the Effect clock's, so that a test can move them. */
export const openWatch = Effect.fnUntraced(function*(server: WatchServer, request: ApiRequest, route: Route) {
  const { bookmarkMs, faults, store, watches } = server
  const lines = yield* Effect.acquireRelease(Queue.bounded<WatchLine, ApiUnavailable | Cause.Done>(waitingEvents), Queue.shutdown)
  const late = yield* Effect.acquireRelease(Queue.bounded<readonly [ShownEvent, number]>(waitingEvents), Queue.shutdown)
  let isMute = false

  const put = (event: ShownEvent) => {
    if (!isMute && !Queue.offerUnsafe(lines, { text: JSON.stringify(event) })) Queue.endUnsafe(lines)
  }
  const tell = (event: ShownEvent) => {
    const fate = faults.event(event, request)
    if (fate === "drop") return
    if (typeof fate === "object") {
      Queue.offerUnsafe(late, [event, fate.delayMs])
      return
    }
    put(event)
    if (fate === "twice") put(event)
  }
  yield* Queue.take(late).pipe(
    Effect.flatMap(([event, delayMs]) => Effect.forkScoped(Effect.delay(Effect.sync(() => put(event)), delayMs))),
    Effect.forever,
    Effect.forkScoped
  )

  // In one go: a change between the beginning and the listening would be told to nobody.
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const first = beginning(store, route)
      for (const event of first) tell(event)
      if (!first.some(({ type }) => type === "ERROR")) return store.listen((change) => concerning(change, route).forEach(tell))
      Queue.endUnsafe(lines)
      return () => {}
    }),
    (stop) => Effect.sync(stop)
  )
  if (route.query.get("allowWatchBookmarks") === "true") {
    // A server that has seen no change of a kind since its start has nothing to bookmark; this one always has.
    yield* Effect.delay(Effect.sync(() => tell(bookmarkOf(route.kind, store.revision))), bookmarkMs).pipe(Effect.forever, Effect.forkScoped)
  }
  const timeoutSeconds = Number(route.query.get("timeoutSeconds") ?? defaultTimeoutSeconds)
  yield* Effect.delay(Effect.sync(() => Queue.endUnsafe(lines)), timeoutSeconds * 1_000).pipe(Effect.forkScoped)

  const watching: Watching = {
    request,
    end: () => void Queue.endUnsafe(lines),
    reset: () => void Queue.failCauseUnsafe(lines, Cause.fail(new ApiUnavailable({ operation: request.operation, reason: "connection reset" }))),
    mute: () => {
      isMute = true
    }
  }
  yield* Effect.acquireRelease(Effect.sync(() => watches.add(watching)), () => Effect.sync(() => watches.delete(watching)))
  return { status: 200, body: "", lines: Stream.fromQueue(lines) } satisfies OpenWatch
})
