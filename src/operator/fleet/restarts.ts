/** When a crashed replica may be started again, and when the pool gives up for a while. Pure. */

export interface Restarts {
  /** Crashes in a row, without a replica that stayed. */
  readonly failures: number
  readonly lastFailure: string | undefined
  /** No start before this time. */
  readonly notBefore: number
}

export const noFailures: Restarts = { failures: 0, lastFailure: undefined, notBefore: 0 }

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
  return { failures, lastFailure: crash.why, notBefore: now + delayMs }
}

/** A replica that has been ready long enough clears the record. */
export const afterStable = (before: Restarts, longestReadyMs: number): Restarts =>
  before.failures > 0 && longestReadyMs >= stableAfterMs ? noFailures : before

/** How many of those wanted may start now: after too many crashes only one, as a trial. */
export const allowed = (restarts: Restarts, wanted: number, maxFailures: number, now: number): number => {
  if (now < restarts.notBefore) return 0
  return restarts.failures >= maxFailures ? Math.min(1, wanted) : wanted
}
