/** When a crashed replica may be started again, and when the pool gives up for a while. Pure. */

export interface Restarts {
  /** Crashes in a row, without a replica that stayed. */
  readonly failures: number
  readonly lastFailure: string | undefined
  readonly lastFailureAt: number
  /** No start before this time. */
  readonly notBefore: number
}

export const noFailures: Restarts = { failures: 0, lastFailure: undefined, lastFailureAt: Number.NEGATIVE_INFINITY, notBefore: 0 }

export const restartDelayMinMs = 250
export const restartDelayMaxMs = 30_000
/** A replica that was ready for so long did not fail because of how it is set up. */
export const stableAfterMs = 10_000
/** After `maxPodFailures` crashes: one try this often, so that a repaired machine is found. */
export const trialIntervalMs = 60_000

export const afterCrash = (
  before: Restarts,
  crash: { readonly why: string; readonly readyForMs: number; readonly maxFailures: number },
  now: number
): Restarts => {
  const failures = crash.readyForMs >= stableAfterMs ? 1 : before.failures + 1
  const delayMs = failures >= crash.maxFailures
    ? trialIntervalMs
    : Math.min(restartDelayMaxMs, restartDelayMinMs * 2 ** (failures - 1))
  return { failures, lastFailure: crash.why, lastFailureAt: now, notBefore: now + delayMs }
}

/**
 * A replica that got ready after the last failure and stayed clears the record. One that was ready before says nothing: it
 * may run where all is well, while others fail elsewhere for ever.
 */
export const afterStable = (before: Restarts, readyTimes: ReadonlyArray<number>, now: number): Restarts =>
  before.failures > 0 && readyTimes.some((readyAt) => readyAt > before.lastFailureAt && now - readyAt >= stableAfterMs) ? noFailures : before

export interface Wanted {
  readonly count: number
  /** Replicas that are on their way already. */
  readonly starting: number
  readonly maxFailures: number
}

/** How many of those wanted may start now: after too many crashes only one, as a trial, until it is ready or has failed. */
export const allowed = (restarts: Restarts, { count, maxFailures, starting }: Wanted, now: number): number => {
  if (now < restarts.notBefore) return 0
  if (restarts.failures < maxFailures) return count
  return starting > 0 ? 0 : Math.min(1, count)
}
