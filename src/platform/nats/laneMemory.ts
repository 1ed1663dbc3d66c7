import type { Delivery } from "./ackSubject.ts"

/** A lane found empty is not polled again for this long, unless a wake names it. */
const emptyForMs = 1_000
/**
 * For a moment after a wake the broker may still answer that the lane is empty: until as many messages came as wakes,
 * such an answer is not remembered.
 */
const wakeSettlesMs = 250

/** The oldest waiting message of a lane, as the broker has it now. */
export type Head =
  | { readonly _tag: "Empty" }
  /** Nothing new waits, but a delivered message may come back. */
  | { readonly _tag: "Redelivery" }
  | { readonly _tag: "Waiting"; readonly sequence: number; readonly storedAtMs: number }

/** What an agent knows of one lane without asking. Never trusted longer than a second when it says "empty". */
export class LaneMemory {
  #emptySinceMs: number | undefined
  #headSequence = 0
  #headNotBeforeMs: number | undefined
  #headReadAtMs = Number.NEGATIVE_INFINITY
  #wakes = 0
  /** Wakes without a message yet; others' messages count too, so it is trusted only while the wake is fresh. */
  #owed = 0
  #wokenAtMs = Number.NEGATIVE_INFINITY

  /** Passed back with an answer, so that a wake that came after the question is not forgotten. */
  get wakes(): number {
    return this.#wakes
  }

  woken(nowMs: number): void {
    if (this.isEmpty(nowMs)) this.#headNotBeforeMs = nowMs
    this.#emptySinceMs = undefined
    this.#wakes++
    this.#owed++
    this.#wokenAtMs = nowMs
  }

  /** Whether a wake is so fresh that "empty" proves nothing. */
  isSettling(nowMs: number): boolean {
    return this.#owed > 0 && nowMs - this.#wokenAtMs < wakeSettlesMs
  }

  isEmpty(nowMs: number): boolean {
    return this.#emptySinceMs !== undefined && nowMs - this.#emptySinceMs < emptyForMs
  }

  /** At most this old is the oldest waiting message; `undefined` when nothing is known. */
  headAgeMs(nowMs: number): number | undefined {
    return this.#headNotBeforeMs === undefined ? undefined : nowMs - this.#headNotBeforeMs
  }

  headReadMsAgo(nowMs: number): number {
    return nowMs - this.#headReadAtMs
  }

  foundEmpty(nowMs: number, wakesAtQuestion: number): void {
    this.#headNotBeforeMs = undefined
    if (wakesAtQuestion !== this.#wakes || this.isSettling(nowMs)) return
    this.#emptySinceMs = nowMs
    this.#owed = 0
  }

  delivered(delivery: Delivery, nowMs: number, wakesAtQuestion: number): void {
    this.#owed = Math.max(0, this.#owed - 1)
    if (delivery.pending === 0) return this.foundEmpty(nowMs, wakesAtQuestion)
    this.#emptySinceMs = undefined
    this.#headNotBeforeMs = Math.min(delivery.storedAtMs, nowMs)
  }

  read(head: Head, nowMs: number, wakesAtQuestion: number): void {
    this.#headReadAtMs = nowMs
    if (head._tag === "Empty") return this.foundEmpty(nowMs, wakesAtQuestion)
    this.#emptySinceMs = undefined
    if (head._tag === "Redelivery") {
      this.#headNotBeforeMs = Number.NEGATIVE_INFINITY
      return
    }
    // The broker's clock may be ahead of this one: the same head ages from when it was first seen.
    const seenBefore = head.sequence === this.#headSequence ? this.#headNotBeforeMs : undefined
    this.#headSequence = head.sequence
    this.#headNotBeforeMs = Math.min(head.storedAtMs, seenBefore ?? nowMs)
  }
}
