import { Effect, FiberMap, Latch } from "effect"
import { monotonicMs } from "../../platform/kubernetes/monotonic.ts"

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
  /**
   * `failed`: tried again after a delay that doubles with each failure in a row. `restMs`: who was asked wants to be left
   * alone so long, so nothing starts the key before, however urgent.
   */
  readonly done: (key: string, outcome: "succeeded" | "failed", restMs?: number) => Effect.Effect<void>
  /** Keys that wait, without those that are worked on or are due later. */
  readonly waiting: Effect.Effect<number>
  /** Keys that it knows anything of: none but those that wait, run, are due later or have just run. */
  readonly remembered: Effect.Effect<number>
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
  /** It rests until then: on a clock that nobody sets, as the next. */
  notBefore: number
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
    const item: Item = { running: false, wanted: undefined, notBefore: Number.NEGATIVE_INFINITY, dueAt: Number.POSITIVE_INFINITY, failures: 0 }
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
    const dueAt = Math.max(at, item.notBefore)
    if (dueAt >= item.dueAt) return
    item.dueAt = dueAt
    const now = yield* monotonicMs
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
    const now = yield* monotonicMs
    if (now < item.notBefore) yield* schedule(key, priority, now)
    else yield* makeReady(key)
  })

  const addAfter = Effect.fnUntraced(function*(key: string, delayMs: number) {
    yield* schedule(key, "low", (yield* monotonicMs) + delayMs)
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
        // In one step with the look: what comes after it opens the latch again.
        latch.closeUnsafe()
        yield* latch.await
        continue
      }
      ready.delete(key)
      const item = itemOf(key)
      item.running = true
      item.wanted = undefined
      item.notBefore = (yield* monotonicMs) + apartMs
      item.dueAt = Number.POSITIVE_INFINITY
      yield* FiberMap.remove(timers, key)
      return key
    }
  })

  const isIdle = (item: Item) => !item.running && item.wanted === undefined && item.dueAt === Number.POSITIVE_INFINITY

  /** Nothing to remember but when it last ran, which the spacing needs for a moment only. */
  const forgetIdle = (key: string, item: Item, restMs: number) =>
    Effect.suspend(() => {
      if (!isIdle(item)) return Effect.void
      const forget = Effect.sync(() => void (isIdle(item) && items.delete(key)))
      return restMs <= 0 ? forget : FiberMap.run(timers, key, Effect.andThen(Effect.sleep(restMs), forget))
    })

  const done = Effect.fnUntraced(function*(key: string, outcome: "succeeded" | "failed", restMs = 0) {
    const now = yield* monotonicMs
    const item = itemOf(key)
    item.running = false
    item.notBefore = Math.max(item.notBefore, now + restMs)
    item.failures = outcome === "failed" ? item.failures + 1 : 0
    if (item.wanted !== undefined) yield* add(key, item.wanted)
    if (outcome === "failed") return yield* addAfter(key, retryDelayMs(item.failures, options))
    yield* forgetIdle(key, item, item.notBefore - now)
  })

  const waiting = Effect.sync(() => ready.size)
  const remembered = Effect.sync(() => items.size)
  return { add, addAfter, take, done, waiting, remembered } satisfies WorkQueue as WorkQueue
})
