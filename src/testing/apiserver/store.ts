import type { Json } from "./json.ts"
import type { Kind } from "./kinds.ts"
import type { Ownership } from "./ownership.ts"

/** Objects of all kinds under one revision counter, and the past as far as it was not compacted. */

export interface Stored {
  readonly object: Json
  readonly ownership: Ownership
}

export interface Change {
  readonly revision: number
  readonly kind: Kind
  readonly namespace: string
  readonly name: string
  readonly before: Stored | undefined
  readonly after: Stored | undefined
}

/** The past of one store; older changes are compacted by themselves. */
const changesMax = 100_000
const firstRevision = 100

const placeOf = (kind: Kind, namespace: string, name: string): string => `${kind.group}/${kind.plural}/${namespace}/${name}`

export class Store {
  #objects = new Map<string, Stored & { readonly kind: Kind; readonly namespace: string; readonly name: string }>()
  #changes: Array<Change> = []
  #revision = firstRevision
  #compacted = firstRevision
  #uids = 0
  readonly #listeners = new Set<(change: Change) => void>()

  get revision(): number {
    return this.#revision
  }

  /** Nothing before it can be watched from or paged through. */
  get compacted(): number {
    return this.#compacted
  }

  get(kind: Kind, namespace: string, name: string): Stored | undefined {
    return this.#objects.get(placeOf(kind, namespace, name))
  }

  /** By name; of an earlier revision when one is given. */
  list(kind: Kind, namespace: string, revision = this.#revision): ReadonlyArray<Stored> {
    const present = new Map(
      [...this.#objects.values()].filter((each) => each.kind === kind && each.namespace === namespace).map((each) => [each.name, each as Stored])
    )
    for (let index = this.#changes.length - 1; index >= 0; index--) {
      const change = this.#changes[index]
      if (change === undefined || change.revision <= revision) break
      if (change.kind !== kind || change.namespace !== namespace) continue
      if (change.before === undefined) present.delete(change.name)
      else present.set(change.name, change.before)
    }
    return [...present].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, stored]) => stored)
  }

  changesAfter(revision: number): ReadonlyArray<Change> {
    return this.#changes.filter((change) => change.revision > revision)
  }

  /** `write` makes the object of the revision that it is given; `undefined` removes what is there. */
  commit(place: { readonly kind: Kind; readonly namespace: string; readonly name: string }, write: (revision: string) => Stored | undefined): Change {
    const { kind, name, namespace } = place
    const key = placeOf(kind, namespace, name)
    const before = this.#objects.get(key)
    this.#revision += 1
    const after = write(String(this.#revision))
    if (after === undefined) this.#objects.delete(key)
    else this.#objects.set(key, { ...after, kind, namespace, name })
    const change = { revision: this.#revision, kind, namespace, name, before, after }
    this.#changes.push(change)
    if (this.#changes.length > changesMax) this.compact(this.#changes[this.#changes.length - changesMax]?.revision)
    for (const listener of this.#listeners) listener(change)
    return change
  }

  compact(revision = this.#revision): void {
    this.#compacted = Math.max(this.#compacted, revision)
    this.#changes = this.#changes.filter((change) => change.revision > revision)
  }

  /** Called within each commit; returns how to stop it. */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** In order, so that a seeded run repeats itself. */
  nextUid(): string {
    this.#uids += 1
    return `00000000-0000-4000-8000-${this.#uids.toString(16).padStart(12, "0")}`
  }
}
