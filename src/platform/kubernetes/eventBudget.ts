/**
 * Which Kubernetes events are worth a request: the same one again is counted on the event that is there, and no object may
 * cause more than a few. Pure but for its memory, which is bounded.
 */

export interface Regarding {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

export interface Occurrence {
  readonly regarding: Regarding
  readonly type: "Normal" | "Warning"
  /** One word: `ScaledUp`. */
  readonly reason: string
  /** A sentence for people. */
  readonly message: string
}

export type Verdict =
  | { readonly _tag: "drop" }
  | { readonly _tag: "create"; readonly name: string }
  | { readonly _tag: "count"; readonly name: string; readonly count: number }

interface Seen {
  readonly name: string
  readonly count: number
  readonly atMs: number
}

interface Bucket {
  readonly tokens: number
  readonly atMs: number
}

const remembered = 4_096
/** The same event later than this is a new one. */
const sameWithinMs = 10 * 60_000
/** An object may cause so many at once … */
const burst = 25
/** … and one more after so long. */
const refillMs = 60_000
const nameMaxChars = 230

/** The least recently used goes first; a Map keeps the order of insertion. */
const keep = <A>(map: Map<string, A>, key: string, value: A): void => {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > remembered && oldest !== undefined) map.delete(oldest)
}

export class EventBudget {
  readonly #seen = new Map<string, Seen>()
  readonly #buckets = new Map<string, Bucket>()

  /** `unique`: makes names differ between processes and times. */
  judge({ message, reason, regarding, type }: Occurrence, unique: string, nowMs: number): Verdict {
    if (!this.#spend(regarding.uid, nowMs)) return { _tag: "drop" }
    const key = JSON.stringify([regarding.uid, type, reason, message])
    const seen = this.#seen.get(key)
    if (seen !== undefined && nowMs - seen.atMs < sameWithinMs) {
      const again = { ...seen, count: seen.count + 1, atMs: nowMs }
      keep(this.#seen, key, again)
      return { _tag: "count", name: again.name, count: again.count }
    }
    const name = `${regarding.name.slice(0, nameMaxChars)}.${unique}`
    keep(this.#seen, key, { name, count: 1, atMs: nowMs })
    return { _tag: "create", name }
  }

  /** The event is not there (any more): the next one of its kind is created. */
  forget({ message, reason, regarding, type }: Occurrence): void {
    this.#seen.delete(JSON.stringify([regarding.uid, type, reason, message]))
  }

  #spend(uid: string, nowMs: number): boolean {
    const { atMs, tokens } = this.#buckets.get(uid) ?? { atMs: nowMs, tokens: burst }
    const full = Math.min(burst, tokens + (nowMs - atMs) / refillMs)
    const spent = full >= 1
    keep(this.#buckets, uid, { atMs: nowMs, tokens: spent ? full - 1 : full })
    return spent
  }
}
