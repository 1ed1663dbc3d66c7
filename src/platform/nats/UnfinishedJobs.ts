import { parseEventSubject } from "../../contract/subjects.ts"

const ending = new Set(["completed", "failed", "cancelled", "deleted"])

/** Which jobs still wait or run, told from the subjects of the events alone. Takes them in the order of the log. */
export class UnfinishedJobs {
  readonly #queuedAt = new Map<string, number>()

  take(sequence: number, subject: string): void {
    const parsed = parseEventSubject(subject)
    if (parsed === undefined) return
    if (parsed.event === "queued") this.#queuedAt.set(parsed.job, sequence)
    else if (ending.has(parsed.event)) this.#queuedAt.delete(parsed.job)
  }

  /** Sequence of the oldest `queued` that still matters, or the one after the last event. */
  oldest(lastSequence: number): number {
    let oldest = lastSequence + 1
    for (const sequence of this.#queuedAt.values()) oldest = Math.min(oldest, sequence)
    return oldest
  }
}
