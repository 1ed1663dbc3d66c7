import type { ObjectList, Undecodable, WatchEvent } from "./operations.ts"
import { keyOf, type KubeObject } from "./resources.ts"

/** A difference between two moments of a cache; `before` is what was known of the object until then. */
export interface Change<A> {
  readonly type: "added" | "modified" | "deleted"
  readonly object: A
  readonly before?: A
}

const isNumber = (version: string) => /^\d+$/.test(version)

/** Versions are decimal numbers that only grow (KEP-5504). Undefined when one of them is not. */
export const compareVersions = (left: string, right: string): number | undefined => {
  if (!isNumber(left) || !isNumber(right)) return undefined
  const difference = BigInt(left) - BigInt(right)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

const isNotNewer = (version: string, than: string): boolean => {
  const order = compareVersions(version, than)
  return order !== undefined && order <= 0
}

const sameObject = (left: KubeObject, right: KubeObject) => left.metadata.uid === right.metadata.uid

/**
 * What is known of the objects of one kind, and what each event or list changes in it. An object that cannot be decoded
 * keeps its last good form, so that nobody takes it for gone.
 */
export class ObjectCache<A extends KubeObject> {
  readonly objects = new Map<string, A>()
  readonly undecodable = new Map<string, Undecodable>()
  /** Everything up to this version is in the cache. */
  version: string | undefined

  apply(event: WatchEvent<A>): ReadonlyArray<Change<A>> {
    switch (event.type) {
      case "opened":
        return []
      case "bookmark":
        if (event.resourceVersion !== "" && !this.#knows(event.resourceVersion)) this.version = event.resourceVersion
        return []
      case "undecodable":
        return this.#applyUndecodable(event.found, event.change)
    }
    const { object } = event
    if (this.#knows(object.metadata.resourceVersion)) return []
    this.version = object.metadata.resourceVersion
    this.undecodable.delete(keyOf(object))
    return event.type === "deleted" ? this.#remove(object) : this.#put(object)
  }

  /** The whole truth at `list.resourceVersion`: what it lacks is gone, even when its name lives on with another UID. */
  replace(list: Omit<ObjectList<A>, "continue">): ReadonlyArray<Change<A>> {
    const unreadable = new Map(list.undecodable.map((found) => [found.key, found]))
    const present = new Set([...list.items.map(keyOf), ...unreadable.keys()])
    const gone = [...this.objects.entries()].filter(([key, { metadata }]) =>
      !present.has(key) || (unreadable.get(key)?.uid ?? metadata.uid) !== metadata.uid
    )
    this.version = list.resourceVersion
    this.undecodable.clear()
    for (const [key, found] of unreadable) this.undecodable.set(key, found)
    return [...gone.flatMap(([, object]) => this.#remove(object)), ...list.items.flatMap((object) => this.#put(object))]
  }

  #knows(version: string): boolean {
    return this.version !== undefined && isNotNewer(version, this.version)
  }

  #applyUndecodable(found: Undecodable, change: "added" | "modified" | "deleted" | "unknown"): ReadonlyArray<Change<A>> {
    if (found.resourceVersion !== "") {
      if (this.#knows(found.resourceVersion)) return []
      this.version = found.resourceVersion
    }
    if (change === "unknown") return []
    const known = this.objects.get(found.key)
    if (change === "deleted") {
      this.undecodable.delete(found.key)
      return known?.metadata.uid === found.uid ? this.#remove(known) : []
    }
    this.undecodable.set(found.key, found)
    return known !== undefined && known.metadata.uid !== found.uid ? this.#remove(known) : []
  }

  #put(object: A): ReadonlyArray<Change<A>> {
    const key = keyOf(object)
    const before = this.objects.get(key)
    this.objects.set(key, object)
    if (before === undefined) return [{ type: "added", object }]
    if (!sameObject(before, object)) return [{ type: "deleted", object: before, before }, { type: "added", object }]
    if (before.metadata.resourceVersion === object.metadata.resourceVersion) return []
    return [{ type: "modified", object, before }]
  }

  #remove(object: A): ReadonlyArray<Change<A>> {
    const key = keyOf(object)
    const before = this.objects.get(key)
    // The deletion of an earlier object of that name says nothing about this one.
    if (before === undefined || !sameObject(before, object)) return []
    this.objects.delete(key)
    return [{ type: "deleted", object, before }]
  }
}
