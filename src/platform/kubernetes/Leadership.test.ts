import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Fiber, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { type MemoryApiServer, makeMemoryApiServer } from "../../testing/MemoryApiServer.ts"
import { KubeClient } from "./KubeClient.ts"
import { lead, type LeaseSettings } from "./Leadership.ts"
import { leases, pods } from "./resources.ts"

const settings = (identity: string): LeaseSettings => ({ name: "operator", identity })

/** Who works now, and the most that ever did at once. */
const makeOffice = Effect.gen(function*() {
  const working = yield* Ref.make<ReadonlyArray<string>>([])
  let most = 0
  const work = (who: string) =>
    Effect.acquireUseRelease(
      Effect.map(Ref.updateAndGet(working, (all) => [...all, who]), (all) => {
        most = Math.max(most, all.length)
      }),
      () => Effect.never,
      () => Ref.update(working, (all) => all.filter((each) => each !== who))
    )
  return { work, now: Ref.get(working), most: () => most }
})

/** Each candidate has a way of its own to the same server, which tests can break. */
const makeCandidate = (server: MemoryApiServer) => {
  const line = { isCut: false }
  const transport = {
    ...server.transport,
    request: (request: Parameters<typeof server.transport.request>[0]) =>
      Effect.suspend(() => (line.isCut ? Effect.never : server.transport.request(request)))
  }
  return { line, layer: KubeClient.over(transport) }
}

const seconds = (count: number) => Effect.forEach(Array.from({ length: count * 10 }), () => Effect.andThen(TestClock.adjust(100), Effect.yieldNow), { discard: true })

describe("lead", () => {
  it.effect("works while it holds the lease; another waits and takes over when it is released", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const { most, now, work } = yield* makeOffice
      const one = yield* Effect.forkChild(Effect.provide(lead(settings("one"), work("one")), makeCandidate(server).layer))
      yield* seconds(3)
      yield* Effect.forkChild(Effect.provide(lead(settings("two"), work("two")), makeCandidate(server).layer))
      yield* seconds(60)
      assert.deepStrictEqual(yield* now, ["one"])
      yield* Fiber.interrupt(one)
      assert.deepStrictEqual(yield* now, [])
      yield* seconds(3)
      assert.deepStrictEqual(yield* now, ["two"], "a released lease is free at once")
      assert.strictEqual(most(), 1)
    }))

  it.effect("cut off, it stops before another may begin, and comes back as a candidate", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const { most, now, work } = yield* makeOffice
      const first = makeCandidate(server)
      yield* Effect.forkChild(Effect.provide(lead(settings("one"), work("one")), first.layer))
      yield* seconds(3)
      yield* Effect.forkChild(Effect.provide(lead(settings("two"), work("two")), makeCandidate(server).layer))
      yield* seconds(5)
      first.line.isCut = true
      yield* seconds(9)
      assert.deepStrictEqual(yield* now, ["one"])
      yield* seconds(3)
      assert.deepStrictEqual(yield* now, [], "ten seconds without a renewal")
      yield* seconds(10)
      assert.deepStrictEqual(yield* now, ["two"])
      first.line.isCut = false
      yield* seconds(60)
      assert.deepStrictEqual(yield* now, ["two"])
      assert.strictEqual(most(), 1)
    }))

  it.effect("other machines' clocks do not count: only whether the lease changes", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const { now, work } = yield* makeOffice
      const candidate = makeCandidate(server)
      const renew = (at: string) => ({ holderIdentity: "far", leaseDurationSeconds: 15, renewTime: at, acquireTime: at, leaseTransitions: 1 })
      const write = (at: string) => KubeClient.use((client) => client.patch(leases, "operator", { spec: renew(at) })).pipe(Effect.provide(candidate.layer))
      yield* Effect.provide(
        KubeClient.use((client) => client.create(leases, { metadata: { name: "operator" }, spec: renew("1999-01-01T00:00:00.000000Z") })),
        candidate.layer
      )
      yield* Effect.forkChild(Effect.provide(lead(settings("one"), work("one")), candidate.layer))
      yield* seconds(14)
      assert.deepStrictEqual(yield* now, [], "renewed long ago, says a clock that may be wrong")
      yield* write("2099-01-01T00:00:00.000000Z")
      yield* seconds(14)
      assert.deepStrictEqual(yield* now, [], "it changed 14 seconds ago")
      yield* seconds(5)
      assert.deepStrictEqual(yield* now, ["one"], "renewed in the future, says a clock that may be wrong")
    }))

  it.effect("a jump of its own wall clock ends the term: the machine may have slept", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const { now, work } = yield* makeOffice
      const clock = yield* Clock.Clock
      let jumpMs = 0
      const jumping: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
        currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + jumpMs),
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + jumpMs
      })
      const candidate = makeCandidate(server)
      yield* Effect.forkChild(lead(settings("one"), work("one")).pipe(Effect.provideService(Clock.Clock, jumping), Effect.provide(candidate.layer)))
      yield* seconds(3)
      assert.deepStrictEqual(yield* now, ["one"])
      candidate.line.isCut = true
      jumpMs = 3_600_000
      yield* seconds(3)
      assert.deepStrictEqual(yield* now, [])
    }))

  it.effect("once the lease is in doubt, the work's writes are never sent", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const candidate = makeCandidate(server)
      const clock = yield* Clock.Clock
      let jumpMs = 0
      const jumping: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
        currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + jumpMs),
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + jumpMs
      })
      const go = yield* Deferred.make<void>()
      const pod = (name: string) => ({ metadata: { name }, spec: { containers: [{ name: "agent" }] } })
      let terms = 0
      const work = Effect.gen(function*() {
        if (++terms > 1) return yield* Effect.never
        const client = yield* KubeClient
        yield* client.create(pods, pod("a"))
        yield* Deferred.await(go)
        yield* client.create(pods, pod("b"))
        return yield* Effect.never
      }).pipe(Effect.orDie)
      yield* Effect.forkChild(lead(settings("one"), work).pipe(Effect.provideService(Clock.Clock, jumping), Effect.provide(candidate.layer)))
      yield* seconds(1)
      // As after a long sleep: the work runs before the timer that would end it.
      jumpMs = 60_000
      yield* Deferred.succeed(go, undefined)
      yield* Effect.yieldNow
      yield* seconds(5)
      const created = server.requests.filter(({ method, path }) => method === "POST" && path.includes("/pods")).length
      assert.strictEqual(created, 1)
      assert.strictEqual(terms, 2)
    }))

  it.effect("answers that are lost do not make it two leaders, nor none", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const { most, now, work } = yield* makeOffice
      let turn = 0
      server.faults.request = ({ method }) => (method !== "GET" && turn++ % 3 === 0 ? "lost" : undefined)
      let terms = 0
      const onChange = (state: string) =>
        Effect.sync(() => {
          if (state === "leading") terms += 1
        })
      yield* Effect.forkChild(Effect.provide(lead({ ...settings("one"), onChange }, work("one")), makeCandidate(server).layer))
      yield* Effect.forkChild(Effect.provide(lead({ ...settings("two"), onChange }, work("two")), makeCandidate(server).layer))
      yield* seconds(60)
      assert.lengthOf(yield* now, 1)
      assert.strictEqual(terms, 1, "a renewal whose answer was lost is a renewal")
      assert.strictEqual(most(), 1)
    }))

  it.effect("a lease that is deleted, or given to another by hand, ends the term at once", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const { now, work } = yield* makeOffice
      const { layer } = makeCandidate(server)
      yield* Effect.forkChild(Effect.provide(lead(settings("one"), work("one")), layer))
      yield* seconds(3)
      yield* KubeClient.use((client) => client.patch(leases, "operator", { spec: { holderIdentity: "mallory" } })).pipe(Effect.provide(layer))
      yield* seconds(3)
      assert.deepStrictEqual(yield* now, [])
      const lease = yield* KubeClient.use((client) => client.get(leases, "operator")).pipe(Effect.provide(layer))
      assert.strictEqual(lease.spec?.holderIdentity, "mallory", "what is another's is not released")
    }))

  it.effect("the work's failure is its own, and frees the lease", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const { layer } = makeCandidate(server)
      const leading = yield* Effect.forkChild(Effect.exit(Effect.provide(lead(settings("one"), Effect.andThen(Effect.sleep(1_000), Effect.fail("broken"))), layer)))
      yield* seconds(3)
      assert.deepStrictEqual(yield* Fiber.join(leading), Exit.fail("broken"))
      const lease = yield* KubeClient.use((client) => client.get(leases, "operator")).pipe(Effect.provide(layer))
      assert.strictEqual(lease.spec?.holderIdentity, "")
      assert.strictEqual(lease.spec?.leaseTransitions, 0)
    }))

  it.effect("work that does not end in time is a defect, and its lease is not released", () =>
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const candidate = makeCandidate(server)
      const stubborn = Effect.uninterruptible(Effect.never)
      const leading = yield* Effect.forkChild(Effect.exit(Effect.provide(lead(settings("one"), stubborn), candidate.layer)))
      yield* seconds(3)
      candidate.line.isCut = true
      yield* seconds(20)
      const exit = yield* Fiber.join(leading)
      assert.isTrue(Exit.isFailure(exit))
      const lease = yield* KubeClient.use((client) => client.get(leases, "operator")).pipe(Effect.provide(KubeClient.over(server.transport)))
      assert.include(lease.spec?.holderIdentity ?? "", "one")
    }))

  it.effect("settings that cannot keep two apart are refused", () =>
    Effect.gen(function*() {
      const wrong = lead({ ...settings("one"), leaseSeconds: 10, renewWithinSeconds: 10 }, Effect.never)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.provide(wrong, Layer.fresh(makeCandidate(makeMemoryApiServer()).layer)))))
    }))
})
