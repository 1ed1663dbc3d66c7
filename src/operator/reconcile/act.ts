import { Effect, FiberSet, Result } from "effect"
import { durationMs, type GpuPool } from "../../contract/GpuPool.ts"
import { Signals } from "../../platform/nats/Signals.ts"
import { type Sighting, startingCount } from "../fleet/observe.ts"
import { AgentProcesses, revisionOf } from "../fleet/processes.ts"
import { allowed, type Restarts } from "../fleet/restarts.ts"
import type { Decision, ObservedDepth } from "../scaling/decide.ts"

/** What one round found and decided. */
export interface Round {
  readonly decision: Decision
  readonly depth: ObservedDepth
  readonly sightings: ReadonlyArray<Sighting>
  readonly restarts: Restarts
}

/** Started with another spec, and nothing to finish: it makes room for one with the present spec. */
const outdated = (pool: GpuPool, round: Round): ReadonlyArray<string> =>
  round.sightings
    .filter((one) => one.revision !== revisionOf(pool) && !one.busy && one.phase !== "stopping")
    .map((one) => one.id)

/** Carries decisions of one pool out: starts, asks to drain, stops, calls back. */
export const makeActor = Effect.fnUntraced(function*(name: string) {
  const signals = yield* Signals
  const processes = yield* AgentProcesses
  const asking = yield* FiberSet.make()
  let lastReason = ""

  /** One line a change of mind, not one a round. */
  const tell = ({ decision, depth, sightings }: Round) =>
    Effect.suspend(() => {
      if (decision.reason === lastReason) return Effect.void
      lastReason = decision.reason
      if (depth._tag === "Unreadable") {
        return Effect.logWarning(
          `pool ${name}: nobody knows how many jobs wait (${depth.reason}); its ${sightings.length} agents are held (${decision.reason})`
        )
      }
      return decision.create > 0 || decision.remove.length > 0
        ? Effect.logInfo(`pool ${name}: ${sightings.length} → ${decision.desired} agents (${decision.reason})`)
        : Effect.void
    })

  /** Asked to drain; stopped once it confirms. One that got a job in the meantime answers so and stays. */
  const release = (one: Sighting, pool: GpuPool) =>
    Effect.gen(function*() {
      const stop = processes.stop(one.id, durationMs(pool.spec.lifecycle.drainTimeout))
      // Not ready yet: it has claimed nothing, and its own two-step stop gives back what it may just be claiming.
      if (one.phase === "starting") return yield* stop
      yield* processes.mark(one.id, "draining")
      const reply = yield* Effect.result(signals.drain({ pool: name, agent: one.id }, "local-fleet"))
      if (Result.isSuccess(reply) && reply.success.drained) yield* stop
    })

  const act = Effect.fnUntraced(function*(pool: GpuPool, round: Round, now: number) {
    const { decision, restarts, sightings } = round
    yield* tell(round)
    const leaving = new Set([...decision.remove, ...(pool.spec.paused === "" ? outdated(pool, round) : [])])
    for (const one of sightings) {
      if (leaving.has(one.id)) yield* FiberSet.run(asking, release(one, pool))
      else if (one.phase === "draining") {
        yield* processes.mark(one.id, "running")
        yield* signals.resume({ pool: name, agent: one.id }, "local-fleet")
      }
    }
    const wanted = { count: decision.create, starting: startingCount(sightings), maxFailures: pool.spec.lifecycle.maxPodFailures }
    const create = allowed(restarts, wanted, now)
    for (let started = 0; started < create; started++) yield* processes.start(pool)
  })

  return { act }
})
