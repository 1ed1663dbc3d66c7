import { Clock, Effect, FiberMap, Latch } from "effect"

/**
 * Keys that want work. A key is in it at most once and never worked on twice at a time: what is added meanwhile is done
 * once more afterwards. Failures are retried with a growing delay, each key for itself.
 */
export interface WorkQueue {
  /** `high` (somebody waits for it) goes before `low` (a regular look). */
  readonly add: (key: string, priority?: Priority) => Effect.Effect<void>
  /** Adds the key, `low`, when the time has come; of several times the earliest stands, and a run clears it. */
  readonly addAfter: (key: string, delayMs: number) => Effect.Effect<void>
  /** Waits for the next key; `done` must follow. */
  readonly take: Effect.Effect<string>
  /** `failed`: tried again after a delay that doubles with each failure in a row. */
  readonly done: (key: string, outcome: "succeeded" | "failed") => Effect.Effect<void>
  /** Keys that wait, without those that are worked on or are due later. */
  readonly waiting: Effect.Effect<number>
}

export type Priority = "high" | "low"

export interface WorkQueueOptions {
  readonly retryMinMs?: number
  readonly retryMaxMs?: number
  /** Least time from the start of one run of a key to the next: the first of a burst is served at once, the others together. */
  readonly apartMs?: number
}

interface Item {
  running: boolean
  /** Wanted (again), and how urgently. */
  wanted: Priority | undefined
  startedAt: number
  dueAt: number
  failures: number
}

const retryDelayMs = (failures: number, { retryMaxMs = 60_000, retryMinMs = 5 }: WorkQueueOptions): number =>
  Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(failures - 1, 30))

const urgent = (a: Priority | undefined, b: Priority): Priority => (a === "high" ? "high" : b)

export const makeWorkQueue = Effect.fnUntraced(function*(options: WorkQueueOptions = {}) {
  const { apartMs = 0 } = options
  const items = new Map<string, Item>()
  /** Keys that may run now, in the order in which they came. */
  const ready = new Set<string>()
  const timers = yield* FiberMap.make<string>()
  const latch = yield* Latch.make(false)

  const itemOf = (key: string): Item => {
    const known = items.get(key)
    if (known !== undefined) return known
    const item: Item = { running: false, wanted: undefined, startedAt: Number.NEGATIVE_INFINITY, dueAt: Number.POSITIVE_INFINITY, failures: 0 }
    items.set(key, item)
    return item
  }

  const makeReady = (key: string) => {
    ready.add(key)
    return latch.open
  }

  /** Not before the spacing allows; the earliest of several times stands. */
  const schedule = Effect.fnUntraced(function*(key: string, priority: Priority, at: number) {
    const item = itemOf(key)
    const dueAt = Math.max(at, item.startedAt + apartMs)
    if (dueAt >= item.dueAt) return
    item.dueAt = dueAt
    const now = yield* Clock.currentTimeMillis
    yield* FiberMap.run(timers, key, Effect.andThen(Effect.sleep(dueAt - now), Effect.suspend(() => {
      item.dueAt = Number.POSITIVE_INFINITY
      item.wanted = urgent(item.wanted, priority)
      return item.running ? Effect.void : makeReady(key)
    })))
  })

  const add = Effect.fnUntraced(function*(key: string, priority: Priority = "high") {
    const item = itemOf(key)
    item.wanted = urgent(item.wanted, priority)
    if (item.running || ready.has(key)) return
    const now = yield* Clock.currentTimeMillis
    if (now < item.startedAt + apartMs) yield* schedule(key, priority, now)
    else yield* makeReady(key)
  })

  const addAfter = Effect.fnUntraced(function*(key: string, delayMs: number) {
    yield* schedule(key, "low", (yield* Clock.currentTimeMillis) + delayMs)
  })

  const next = (): string | undefined => {
    let first: string | undefined
    for (const key of ready) {
      if (itemOf(key).wanted === "high") return key
      first ??= key
    }
    return first
  }

  const take: Effect.Effect<string> = Effect.gen(function*() {
    for (;;) {
      const key = next()
      if (key === undefined) {
        yield* latch.close
        yield* latch.await
        continue
      }
      ready.delete(key)
      const item = itemOf(key)
      item.running = true
      item.wanted = undefined
      item.startedAt = yield* Clock.currentTimeMillis
      item.dueAt = Number.POSITIVE_INFINITY
      yield* FiberMap.remove(timers, key)
      return key
    }
  })

  const done = Effect.fnUntraced(function*(key: string, outcome: "succeeded" | "failed") {
    const item = itemOf(key)
    item.running = false
    item.failures = outcome === "failed" ? item.failures + 1 : 0
    if (item.wanted !== undefined) yield* add(key, item.wanted)
    if (outcome === "failed") return yield* addAfter(key, retryDelayMs(item.failures, options))
    // Nothing to remember but when it last ran, which the spacing needs for a moment only.
    if (item.wanted === undefined && item.dueAt === Number.POSITIVE_INFINITY && apartMs === 0) items.delete(key)
  })

  return { add, addAfter, take, done, waiting: Effect.sync(() => ready.size) } satisfies WorkQueue as WorkQueue
})
