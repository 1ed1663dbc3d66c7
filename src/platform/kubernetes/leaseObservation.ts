import type { Lease } from "./resources.ts"

/**
 * Who may hold a lease, judged by one process alone. Times inside a lease are another machine's clock and are never
 * compared with this one's: what counts is how long ago, by this process' own clock, the lease was seen to change. Pure.
 */

type LeaseSpec = NonNullable<Lease["spec"]>

export interface Observation {
  readonly spec: LeaseSpec
  readonly resourceVersion: string
  /** On this process' monotonic clock. */
  readonly changedAtMs: number
}

const isSame = (left: LeaseSpec, right: LeaseSpec): boolean =>
  left.holderIdentity === right.holderIdentity &&
  left.renewTime === right.renewTime &&
  left.acquireTime === right.acquireTime &&
  left.leaseTransitions === right.leaseTransitions

/** A lease seen for the first time has changed now: how long it stood still before is not known. */
export const observe = (previous: Observation | undefined, lease: Lease, nowMs: number): Observation => {
  const spec = lease.spec ?? {}
  const changedAtMs = previous !== undefined && isSame(previous.spec, spec) ? previous.changedAtMs : nowMs
  return { spec, resourceVersion: lease.metadata.resourceVersion, changedAtMs }
}

/** Free, one's own, or silent for the holder's own duration and for this candidate's. */
export const mayTake = (observation: Observation, identity: string, leaseMs: number, nowMs: number): boolean => {
  const { holderIdentity = "", leaseDurationSeconds = 0 } = observation.spec
  if (holderIdentity === "" || holderIdentity === identity) return true
  return nowMs - observation.changedAtMs >= Math.max(leaseMs, leaseDurationSeconds * 1_000)
}

/** MicroTime, as the API server wants it. */
const microTime = (wallMs: number) => new Date(wallMs).toISOString().replace("Z", "000Z")

interface Claim {
  readonly identity: string
  readonly leaseSeconds: number
  readonly wallMs: number
}

export const claimed = (previous: LeaseSpec | undefined, { identity, leaseSeconds, wallMs }: Claim): LeaseSpec => {
  const isRenewal = previous?.holderIdentity === identity
  const transitions = previous?.leaseTransitions ?? 0
  return {
    holderIdentity: identity,
    leaseDurationSeconds: leaseSeconds,
    renewTime: microTime(wallMs),
    acquireTime: isRenewal && previous.acquireTime !== undefined ? previous.acquireTime : microTime(wallMs),
    leaseTransitions: isRenewal || previous === undefined ? transitions : transitions + 1
  }
}

/** Nobody's: the next candidate need not wait. */
export const released = (previous: LeaseSpec, wallMs: number): LeaseSpec => ({
  ...previous,
  holderIdentity: "",
  leaseDurationSeconds: 1,
  renewTime: microTime(wallMs)
})
