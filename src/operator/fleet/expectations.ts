/**
 * Own writes that the cache has not shown yet. A plan made from such a cache would count a pod that was just created as
 * missing and create it again, so there is none until everything is seen, or was waited for long enough.
 */
export const expectationTimeoutMs = 30_000

export class Expectations {
  readonly #created = new Map<string, number>()
  readonly #deleted = new Map<string, number>()

  /** By name: whoever created it, once it is seen the slot is taken. */
  expectCreated(name: string, now: number): void {
    this.#created.set(name, now)
  }

  expectDeleted(uid: string, now: number): void {
    this.#deleted.set(uid, now)
  }

  /** The write failed: nothing will come of it. */
  forget(nameOrUid: string): void {
    this.#created.delete(nameOrUid)
    this.#deleted.delete(nameOrUid)
  }

  /** Nothing is waited for, whatever the cache has. */
  get isEmpty(): boolean {
    return this.#created.size + this.#deleted.size === 0
  }

  /** Told of every change of the cache, also of those that are over before anybody looks. */
  seen(pod: { readonly name: string; readonly uid: string }, isLeaving: boolean): void {
    this.#created.delete(pod.name)
    if (isLeaving) this.#deleted.delete(pod.uid)
  }

  /** How many writes are still not seen, given the cache as it is now. */
  unseen(pods: ReadonlyArray<{ readonly name: string; readonly uid: string; readonly terminating: boolean }>, now: number): number {
    for (const pod of pods) this.seen(pod, pod.terminating)
    const present = new Set(pods.map((pod) => pod.uid))
    for (const [uid, at] of this.#deleted) if (!present.has(uid) || now - at >= expectationTimeoutMs) this.#deleted.delete(uid)
    for (const [name, at] of this.#created) if (now - at >= expectationTimeoutMs) this.#created.delete(name)
    return this.#created.size + this.#deleted.size
  }
}
