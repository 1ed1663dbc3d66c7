import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import type { DrainReply, Heartbeat } from "../../src/contract/AgentMessages.ts"
import { drainSubject, heartbeatSubject, poolStatusSubject, progressSubject } from "../../src/contract/subjects.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { Presence } from "../../src/platform/nats/Presence.ts"
import { Signals } from "../../src/platform/nats/Signals.ts"
import { NatsServer } from "../../src/testing/NatsServer.ts"
import { laneServices, presenceOf, program } from "./laneServices.ts"
import { eventually, live } from "./logServices.ts"

const at = "2026-01-02T03:04:05.678Z"

const heartbeat = (agent: string, overrides: Partial<Heartbeat> = {}): Heartbeat => ({
  agent,
  pool: "local",
  version: "0",
  at,
  interval_ms: 200,
  state: "BUSY",
  draining: false,
  slots: 1,
  claims: [{ job_id: "job-1", attempt: 1, started_sequence: 2 }],
  models_loaded: ["noop"],
  execution_provider: "cpu",
  ...overrides
})

const claimOf = (agent: string) => ({ agent, job_id: "job-1", attempt: 1 })
const hears = (agent: string) =>
  Presence.use((presence) => Effect.map(presence.alive(), (alive) => alive.some((beat) => beat.agent === agent)))

layer(laneServices, live)("presence and signals", (it) => {
  it.effect("what one program beats another hears, by pool, until it is silent", () =>
    Effect.gen(function*() {
      const presence = yield* Presence
      const agent = Effect.provide(
        Presence.use((theirs) => Effect.andThen(theirs.beat(heartbeat("agent-1")), theirs.beat(heartbeat("agent-2", { pool: "h100.eu" })))),
        program("agent")
      )
      yield* agent
      yield* eventually("both are heard", Effect.all([hears("agent-1"), hears("agent-2")]).pipe(Effect.map((all) => all.every(Boolean))))
      assert.deepStrictEqual((yield* presence.alive("h100.eu")).map((beat) => beat.agent), ["agent-2"])
      yield* eventually("they are silent", Effect.map(presence.alive(), (alive) => alive.length === 0))
    }))

  it.effect("nobody speaks for another: a heartbeat counts on its own pool's and agent's subject only", () =>
    Effect.gen(function*() {
      const { nc } = yield* Connection
      nc.publish(heartbeatSubject("h100.eu", "agent-10"), JSON.stringify(heartbeat("agent-10")))
      nc.publish(heartbeatSubject("local", "agent-11"), JSON.stringify(heartbeat("agent-10")))
      nc.publish(heartbeatSubject("local", "agent-11"), JSON.stringify(heartbeat("agent-11")))
      yield* eventually("the honest one is heard", hears("agent-11"))
      assert.isFalse(yield* hears("agent-10"))
    }))

  it.effect("an agent hears the agents of its own pool, and no other's", () =>
    Effect.gen(function*() {
      const presence = yield* Presence
      const heard = Presence.use((mine) =>
        Effect.gen(function*() {
          const names = Effect.map(mine.alive(), (alive) => alive.map(({ agent }) => agent))
          yield* presence.beat(heartbeat("agent-12"))
          yield* presence.beat(heartbeat("agent-13", { pool: "h100.eu" }))
          yield* eventually("its own", Effect.map(names, (all) => all.includes("agent-13")))
          return yield* names
        }))
      assert.deepStrictEqual(yield* Effect.provide(heard, presenceOf("h100.eu")), ["agent-13"])
    }))

  it.effect("rule 2: an owner is silent only when no heartbeat names its claim", () =>
    Effect.gen(function*() {
      const presence = yield* Presence
      const claims: Array<Heartbeat["claims"]> = [heartbeat("agent-3").claims]
      const beating = yield* Effect.forkChild(
        Effect.forever(Effect.andThen(
          Effect.suspend(() => presence.beat(heartbeat("agent-3", { claims: claims[0] ?? [] }))),
          Effect.sleep("50 millis")
        )),
        { startImmediately: true }
      )
      yield* eventually("it is heard", hears("agent-3"))
      for (let look = 0; look < 20; look++) {
        assert.isFalse(yield* presence.isSilent(claimOf("agent-3")))
        yield* Effect.sleep("25 millis")
      }
      claims[0] = []
      yield* eventually("the claim is silent", presence.isSilent(claimOf("agent-3")))
      assert.isTrue(yield* hears("agent-3"), "though its agent still beats")
      yield* Fiber.interrupt(beating)
    }))

  it.effect("rule 2: a program that has just started calls nobody silent", () =>
    Effect.gen(function*() {
      const silent = yield* Effect.provide(Presence.use((theirs) => theirs.isSilent(claimOf("agent-4"))), program("young"))
      assert.isFalse(silent)
    }))

  it.effect("rule 2: a program that slept reads what it missed before it calls an owner silent", () =>
    Effect.gen(function*() {
      const [presence, { nc }] = [yield* Presence, yield* Connection]
      yield* presence.beat(heartbeat("agent-5"))
      yield* eventually("it is heard", hears("agent-5"))
      yield* eventually("and then silent", presence.isSilent(claimOf("agent-5")))
      // The heartbeat is on the wire, not yet read, when the question comes.
      nc.publish(heartbeatSubject("local", "agent-5"), JSON.stringify(heartbeat("agent-5")))
      assert.isFalse(yield* presence.isSilent(claimOf("agent-5")))
    }))

  it.effect("what cannot be read is counted and skipped", () =>
    Effect.gen(function*() {
      const [presence, signals, { nc }] = [yield* Presence, yield* Signals, yield* Connection]
      const before = yield* presence.unreadable
      nc.publish(heartbeatSubject("local", "agent-6"), "not JSON")
      nc.publish(heartbeatSubject("local", "agent-6"), JSON.stringify({ agent: 6 }))
      nc.publish(poolStatusSubject("local"), "{}")
      yield* presence.beat(heartbeat("agent-6"))
      yield* eventually("the good one is heard", hears("agent-6"))
      assert.strictEqual((yield* presence.unreadable) - before, 3)
      const progress = { job_id: "job-6", attempt: 1, phase: "running" as const, step: 1, steps: 2, at }
      const heard = yield* Effect.forkChild(Stream.runCollect(Stream.take(signals.progressOf("job-6"), 2)), { startImmediately: true })
      yield* Effect.promise(() => nc.flush())
      nc.publish(progressSubject("job-6"), "{")
      yield* signals.progress(progress)
      yield* signals.progress({ ...progress, step: 2 })
      assert.deepStrictEqual((yield* Fiber.join(heard)).map(({ step }) => step), [1, 2])
      assert.strictEqual(yield* signals.unreadable, 1)
    }))

  it.effect("the local fleet's pools are known while it speaks", () =>
    Effect.gen(function*() {
      const presence = yield* Presence
      const status = {
        state: "ACTIVE" as const,
        replicas: 1,
        desiredReplicas: 1,
        readyReplicas: 1,
        busyReplicas: 0,
        queue: { depth: 0, readable: true },
        lanesReadyFor: ["noop"],
        conditions: []
      }
      yield* presence.announcePool({ pool: "h100.eu", at, status })
      yield* eventually("it is known", Effect.map(presence.pools, (pools) => pools.get("h100.eu")?.status.state === "ACTIVE"))
    }))

  it.effect("a cancel reaches who listens", () =>
    Effect.gen(function*() {
      const signals = yield* Signals
      const heard = yield* Effect.forkChild(Stream.runCollect(Stream.take(signals.cancels, 1)), { startImmediately: true })
      yield* eventually("it is heard", Effect.andThen(signals.cancel("job-7"), Effect.sync(() => heard.pollUnsafe() !== undefined)))
      assert.deepStrictEqual([...(yield* Fiber.join(heard))], ["job-7"])
    }))

  it.effect("rule 21: a drain request is answered by the agent, and by nobody when it is gone", () =>
    Effect.gen(function*() {
      const [signals, { nc }] = [yield* Signals, yield* Connection]
      const agent8 = { pool: "h100.eu", agent: "agent-8" }
      const reply: DrainReply = { agent: "agent-8", drained: false, claims: 1 }
      const asked = yield* Deferred.make<void>()
      yield* Effect.scoped(Effect.gen(function*() {
        yield* signals.serveDrain(agent8, () => Effect.as(Deferred.succeed(asked, undefined), reply))
        nc.publish(drainSubject(agent8.pool, agent8.agent), "not JSON")
        assert.deepStrictEqual(yield* signals.drain(agent8, "operator"), reply)
        yield* Deferred.await(asked)
      }))
      const error = yield* Effect.flip(signals.drain(agent8, "operator"))
      assert.include(error.operation, "agent-8")
    }))

  it.effect("rule 2: time without the broker is not silence", () =>
    Effect.gen(function*() {
      const [server, presence] = [yield* NatsServer, yield* Presence]
      yield* presence.beat(heartbeat("agent-9", { interval_ms: 1_000 }))
      yield* eventually("it is heard", hears("agent-9"))
      yield* Effect.promise(() => server.kill())
      yield* Effect.sleep("2500 millis")
      assert.isFalse(yield* presence.isSilent(claimOf("agent-9")), "nothing could be heard")
      yield* Effect.promise(() => server.restart())
      assert.isFalse(yield* presence.isSilent(claimOf("agent-9")), "and it counts from the reconnect")
      yield* eventually("two intervals later it is silent", presence.isSilent(claimOf("agent-9")))
    }), 60_000)
})
