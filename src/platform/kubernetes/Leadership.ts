import { Clock, Effect, Fiber, Option, Random } from "effect"
import { ApiConflict, type KubeError } from "./errors.ts"
import { KubeClient } from "./KubeClient.ts"
import type { KubeClientShape } from "./operations.ts"
import { claimed, mayTake, type Observation, observe, released } from "./leaseObservation.ts"
import { monotonicMs } from "./monotonic.ts"
import { leases } from "./resources.ts"

export interface LeaseSettings {
  readonly name: string
  /** Who asks: the pod's name. A random end is added, so that a restarted process is not taken for its predecessor. */
  readonly identity: string
  /** Others may take a lease that was not renewed for so long. Default 15 s. */
  readonly leaseSeconds?: number
  /** Without a renewal for so long the work is ended; what is left of the lease is its time to end in. Default 10 s. */
  readonly renewWithinSeconds?: number
  /** Between two tries. Default 2 s. */
  readonly retrySeconds?: number
  readonly onChange?: (state: "candidate" | "leading") => Effect.Effect<void>
}

interface Candidate {
  readonly client: KubeClientShape
  readonly name: string
  readonly identity: string
  readonly leaseMs: number
  readonly renewWithinMs: number
  readonly retryMs: number
  /** Longest time of one try. */
  readonly tryMs: number
  observation: Observation | undefined
  /** When the last renewal that succeeded was begun, on two clocks: one that nobody sets, one that also counts sleep. */
  renewedAt: { readonly monotonicMs: number; readonly wallMs: number } | undefined
}

const releaseTimeoutMs = 2_000

const makeCandidate = Effect.fnUntraced(function*(client: KubeClientShape, settings: LeaseSettings) {
  const leaseMs = (settings.leaseSeconds ?? 15) * 1_000
  const renewWithinMs = (settings.renewWithinSeconds ?? 10) * 1_000
  const retryMs = (settings.retrySeconds ?? 2) * 1_000
  if (renewWithinMs >= leaseMs || retryMs >= renewWithinMs) {
    return yield* Effect.die(new Error(`lease ${settings.name}: retry (${retryMs} ms) < renew within (${renewWithinMs} ms) < lease (${leaseMs} ms) must hold`))
  }
  const suffix = (yield* Random.nextIntBetween(0, 0xffff_ffff)).toString(16).padStart(8, "0")
  const candidate: Candidate = {
    client,
    name: settings.name,
    identity: `${settings.identity}_${suffix}`,
    leaseMs,
    renewWithinMs,
    retryMs,
    tryMs: Math.max(retryMs, renewWithinMs / 2),
    observation: undefined,
    renewedAt: undefined
  }
  return candidate
})

/** Since the last renewal, by whichever clock says more: a machine that slept must not believe that no time has passed. */
const sinceRenewalMs = Effect.fnUntraced(function*({ renewedAt }: Candidate) {
  if (renewedAt === undefined) return Number.POSITIVE_INFINITY
  return Math.max((yield* monotonicMs) - renewedAt.monotonicMs, (yield* Clock.currentTimeMillis) - renewedAt.wallMs)
})

/** Until the work must end. */
const leftMs = (candidate: Candidate) => Effect.map(sinceRenewalMs(candidate), (ms) => candidate.renewWithinMs - ms)

const isHeld = (candidate: Candidate) => Effect.map(leftMs(candidate), (ms) => ms > 0)

const look = Effect.fnUntraced(function*(candidate: Candidate) {
  const found = yield* candidate.client.get(leases, candidate.name).pipe(Effect.catchTag("ApiNotFound", () => Effect.undefined))
  candidate.observation = found === undefined ? undefined : observe(candidate.observation, found, yield* monotonicMs)
  return candidate.observation
})

/** Writes this candidate into the lease as it was last seen. ApiConflict or ApiExists: somebody else was faster. */
const write = Effect.fnUntraced(function*(candidate: Candidate) {
  const { client, identity, leaseMs, name, observation } = candidate
  const began = { monotonicMs: yield* monotonicMs, wallMs: yield* Clock.currentTimeMillis }
  const spec = claimed(observation?.spec, { identity, leaseSeconds: Math.ceil(leaseMs / 1_000), wallMs: began.wallMs })
  const lease = observation === undefined
    ? yield* client.create(leases, { metadata: { name }, spec })
    : yield* client.patch(leases, name, { metadata: { resourceVersion: observation.resourceVersion }, spec })
  candidate.observation = observe(candidate.observation, lease, began.monotonicMs)
  candidate.renewedAt = began
})

const tryToTake = Effect.fnUntraced(function*(candidate: Candidate) {
  const observation = yield* look(candidate)
  if (observation !== undefined && !mayTake(observation, candidate.identity, candidate.leaseMs, yield* monotonicMs)) return false
  yield* write(candidate)
  return true
}, Effect.catchTag(["ApiConflict", "ApiExists"], () => Effect.succeed(false)))

/** Who waits does not do so in step with the others. */
const pause = ({ retryMs }: Candidate) => Effect.flatMap(Random.next, (random) => Effect.sleep(retryMs * (1 + random / 5)))

const take = Effect.fnUntraced(function*(candidate: Candidate) {
  let failures = 0
  while (true) {
    const taken = yield* tryToTake(candidate).pipe(
      Effect.timeoutOption(candidate.tryMs),
      Effect.map(Option.getOrElse(() => false)),
      Effect.tap(() => Effect.sync(() => (failures = 0))),
      Effect.catch((error) => Effect.as(++failures === 3 ? Effect.logWarning(`the lease ${candidate.name} cannot be taken: ${error.message}`) : Effect.void, false))
    )
    if (taken) return
    yield* pause(candidate)
  }
})

/** Who the lease names now; a lost answer may have been a renewal. */
const renew = Effect.fnUntraced(function*(candidate: Candidate) {
  yield* write(candidate).pipe(Effect.catchTag("ApiConflict", () =>
    Effect.gen(function*() {
      const seen = yield* look(candidate)
      if (seen?.spec.holderIdentity !== candidate.identity) {
        return yield* new ApiConflict({ operation: `renew ${candidate.name}`, reason: `it is ${seen?.spec.holderIdentity || "nobody"}'s` })
      }
      yield* write(candidate)
    })))
})

/** An answer that says that the lease is not this candidate's. */
const isFinal = (error: KubeError) => error._tag === "ApiConflict" || error._tag === "ApiNotFound" || error._tag === "ApiExists"

/** Returns why the lease can no longer be relied on. */
const renewUntilLost = Effect.fnUntraced(function*(candidate: Candidate) {
  let last = "no answer in time"
  while (true) {
    yield* Effect.sleep(Math.min(candidate.retryMs, Math.max(0, yield* leftMs(candidate))))
    const left = yield* leftMs(candidate)
    if (left <= 0) return last
    const failed = yield* renew(candidate).pipe(
      Effect.timeoutOption(Math.min(candidate.tryMs, left)),
      Effect.match({ onFailure: (error) => error, onSuccess: () => undefined })
    )
    if (failed === undefined) continue
    if (isFinal(failed)) return failed.message
    last = failed.message
  }
})

/** The next candidate need not wait for the lease to end. Only after the work has ended. */
const release = ({ client, identity, name, observation }: Candidate) =>
  Effect.gen(function*() {
    if (observation?.spec.holderIdentity !== identity) return
    const spec = released(observation.spec, yield* Clock.currentTimeMillis)
    yield* client.patch(leases, name, { metadata: { resourceVersion: observation.resourceVersion }, spec })
  }).pipe(Effect.timeoutOption(releaseTimeoutMs), Effect.ignore)

/** Writes wait for ever once the lease is no longer sure: whoever sent one is about to be interrupted. */
const fenced = (client: KubeClientShape, candidate: Candidate): KubeClientShape => {
  const held = <A, E>(send: Effect.Effect<A, E>) =>
    Effect.flatMap(isHeld(candidate), (holds): Effect.Effect<A, E> => (holds ? send : Effect.never))
  return {
    ...client,
    create: (resource, object, options) => held(client.create(resource, object, options)),
    delete: (resource, name, options) => held(client.delete(resource, name, options)),
    apply: (resource, object, options) => held(client.apply(resource, object, options)),
    patch: (resource, name, patch, options) => held(client.patch(resource, name, patch, options)),
    scale: (resource, name, replicas) => held(client.scale(resource, name, replicas))
  }
}

/** First nothing more is written, then the work ends, and only then is the lease anybody's. */
const endWork = Effect.fnUntraced(function*(candidate: Candidate, running: Fiber.Fiber<never, unknown>) {
  const graceMs = Math.max(0, candidate.leaseMs - (yield* sinceRenewalMs(candidate)))
  candidate.renewedAt = undefined
  const ended = yield* Effect.timeoutOption(Effect.interruptible(Fiber.interrupt(running)), graceMs)
  // It cannot write any more, but whatever else it does, it does beside another leader.
  if (Option.isNone(ended)) return yield* Effect.die(new Error(`the work under the lease ${candidate.name} did not end in time`))
  yield* release(candidate)
})

/** One time in office. Returns why the lease was lost, after the work has ended; fails as the work fails. */
const term = <E, R>(candidate: Candidate, work: Effect.Effect<never, E, R>) =>
  Effect.acquireUseRelease(
    Effect.forkDetach(Effect.interruptible(Effect.provideService(work, KubeClient, fenced(candidate.client, candidate)))),
    (running) => Effect.raceFirst(renewUntilLost(candidate), Fiber.join(running)),
    (running) => endWork(candidate, running)
  )

/**
 * Runs the work while this process holds the lease, and interrupts it before anybody else can: the work's KubeClient
 * refuses to write as soon as that is in doubt. Candidate again after a loss; fails as the work fails. A lease cannot
 * recall a write that is already on its way, so writes still need preconditions or names that collide.
 */
export const lead = Effect.fnUntraced(function*<E, R>(
  settings: LeaseSettings,
  work: Effect.Effect<never, E, R>
): Effect.fn.Return<never, E, R | KubeClient> {
  const client = yield* KubeClient
  const changed = settings.onChange ?? (() => Effect.void)
  const candidate = yield* makeCandidate(client, settings)
  const once = Effect.gen(function*() {
    yield* changed("candidate")
    yield* take(candidate)
    yield* Effect.logInfo(`leading: ${candidate.identity} holds the lease ${candidate.name}`)
    yield* changed("leading")
    const why = yield* term(candidate, work)
    yield* Effect.logWarning(`no longer leading: ${why}`)
  })
  return yield* Effect.forever(once)
})
