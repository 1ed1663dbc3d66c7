import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { laneName, lanes as allLanes, parseLane } from "../../src/contract/Lane.ts"
import { eventSubject, laneConsumer, laneSubjects, workStream } from "../../src/contract/subjects.ts"
import { Connection } from "../../src/platform/nats/Connection.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { Lanes } from "../../src/platform/nats/Lanes.ts"
import { depthOf, firstOf, freshPool, inWork, laneServices, poll, pollSome, program } from "./laneServices.ts"
import { eventually, failCommand, live, retryCommand, startCommand, submit } from "./logServices.ts"

layer(laneServices, live)("lanes", (it) => {
  it.effect("rule 1: a message names the sequence of the queued event it was made from", () =>
    Effect.gen(function*() {
      const pool = yield* freshPool("noop")
      const view = yield* submit({ pool, priority: 2, share: 1, client: "a.b" })
      const message = yield* pollSome(pool)
      assert.deepInclude(message, {
        job_id: view.record.job_id,
        pool,
        model: "noop",
        lane: "p2s1",
        originSequence: view.queuedSequence,
        deliveryCount: 1
      })
      yield* message.ack
      assert.isFalse(yield* Lanes.use((lanes) => lanes.holds(view.record.job_id, view.queuedSequence)))
    }))

  it.effect("rule 1: the two messages of a retried job are told apart by their origin", () =>
    Effect.gen(function*() {
      const [lanes, log] = [yield* Lanes, yield* JobLog]
      const pool = yield* freshPool("noop")
      const first = yield* submit({ pool })
      const { job_id } = first.record
      const started = yield* log.append(first, startCommand(first), "/test")
      yield* log.append(started, failCommand(started), "/test")
      const retried = yield* log.change(job_id, retryCommand, "/test")
      assert.isAbove(retried.queuedSequence, first.queuedSequence)
      yield* inWork(retried)
      assert.isTrue(yield* lanes.holds(job_id, first.queuedSequence), "the old one is still there")
      const origins = [(yield* pollSome(pool)).originSequence, (yield* pollSome(pool)).originSequence]
      assert.deepStrictEqual(origins, [first.queuedSequence, retried.queuedSequence])
      assert.isUndefined(yield* poll(pool))
      yield* lanes.purgeJob(job_id)
      assert.isFalse(yield* lanes.holds(job_id, first.queuedSequence))
      assert.isFalse(yield* lanes.holds(job_id, retried.queuedSequence))
    }))

  it.effect("rule 3: an ack, working or nak after another agent took over is obeyed, so it must never be sent", () =>
    Effect.gen(function*() {
      const pool = yield* freshPool("noop")
      const view = yield* submit({ pool })
      const held = Lanes.use((lanes) => lanes.holds(view.record.job_id, view.queuedSequence))
      const zombie = yield* pollSome(pool)
      // What the end of the ack wait does, without waiting for it.
      yield* zombie.nak(0)
      const owner = yield* pollSome(pool)
      assert.strictEqual(owner.deliveryCount, 2)
      assert.isTrue(yield* held)
      yield* zombie.ack
      assert.isFalse(yield* held, "the broker took the zombie's ack for the owner's")
    }))

  it.effect("rule 8: consumers deliver for ever, acknowledge explicitly and limit nothing", () =>
    Effect.gen(function*() {
      const { jsm } = yield* Connection
      const pool = yield* freshPool("noop")
      for (const lane of allLanes) {
        const name = laneConsumer(pool, "noop", laneName(lane))
        const { config } = yield* Effect.promise(() => jsm.consumers.info("WORK", name))
        assert.deepInclude(config, {
          durable_name: name,
          filter_subject: laneSubjects(pool, "noop", laneName(lane)),
          ack_policy: "explicit",
          ack_wait: 30_000_000_000,
          max_deliver: -1,
          max_ack_pending: -1
        })
      }
    }))

  it.effect("rule 8: ensure corrects a consumer that somebody weakened", () =>
    Effect.gen(function*() {
      const [{ jsm }, lanes] = [yield* Connection, yield* Lanes]
      const pool = yield* freshPool("noop")
      const name = laneConsumer(pool, "noop", "p1s0")
      yield* Effect.promise(() => jsm.consumers.update("WORK", name, { max_deliver: 3, max_ack_pending: 1 }))
      yield* lanes.ensure(pool, ["noop"])
      const { config } = yield* Effect.promise(() => jsm.consumers.info("WORK", name))
      assert.deepInclude(config, { max_deliver: -1, max_ack_pending: -1 })
    }))

  it.effect("lanes are made once, however many ask at once, and only whole sets count as existing", () =>
    Effect.gen(function*() {
      const [{ jsm }, lanes] = [yield* Connection, yield* Lanes]
      const pool = "twice"
      const other = Effect.provide(Lanes.use((theirs) => theirs.ensure(pool, ["noop", "sdxl"])), program("other"))
      yield* Effect.all([lanes.ensure(pool, ["noop", "sdxl"]), other, lanes.ensure(pool, ["noop"])], { concurrency: 3 })
      assert.deepStrictEqual((yield* lanes.existing).get(pool), ["noop", "sdxl"])
      yield* Effect.promise(() => jsm.consumers.delete("WORK", laneConsumer(pool, "sdxl", "p2s2")))
      assert.deepStrictEqual((yield* lanes.existing).get(pool), ["noop"])
      yield* lanes.remove(pool, ["sdxl"])
      yield* lanes.ensure(pool, ["sdxl"])
      assert.deepStrictEqual((yield* lanes.existing).get(pool), ["noop", "sdxl"])
      yield* lanes.remove(pool)
      yield* lanes.remove(pool)
      assert.isUndefined((yield* lanes.existing).get(pool))
    }))

  it.effect("the lanes of models that a pool has given up go as soon as nothing of them waits or runs", () =>
    Effect.gen(function*() {
      const lanes = yield* Lanes
      const pool = yield* freshPool("noop", "waits", "runs", "empty")
      const other = yield* freshPool("waits", "empty")
      const waiting = yield* submit({ pool, model: "waits" })
      yield* inWork(waiting)
      yield* submit({ pool, model: "runs" })
      const held = yield* pollSome(pool, ["runs"])
      const dropped = (left: ReadonlyArray<string>, what: string) =>
        eventually(what, Effect.gen(function*() {
          const done = yield* lanes.removeDropped(pool, ["noop"])
          const models = (yield* lanes.existing).get(pool)
          assert.strictEqual(done, models?.join() === "noop")
          return models?.join() === left.join()
        }))
      yield* dropped(["noop", "runs", "waits"], "only the empty one went")
      yield* held.ack
      yield* dropped(["noop", "waits"], "what ran has ended")
      yield* lanes.purgeJob(waiting.record.job_id)
      yield* dropped(["noop"], "what waited was moved or failed")
      assert.isTrue(yield* lanes.removeDropped(pool, ["noop"]))
      assert.deepStrictEqual((yield* lanes.existing).get(other), ["empty", "waits"], "another pool's stay")
    }))

  it.effect("a lane that does not exist is told by name, and hides no job of another", () =>
    Effect.gen(function*() {
      const lanes = yield* Lanes
      const pool = yield* freshPool("noop")
      yield* inWork(yield* submit({ pool }))
      assert.isDefined(yield* poll(pool, ["gone", "noop"]))
      const error = yield* Effect.flip(poll(pool, ["gone", "noop"]))
      assert.strictEqual(error._tag, "LogUnavailable")
      assert.include(error.operation, laneConsumer(pool, "gone", "p0s0"))
      assert.notInclude(error.operation, laneConsumer(pool, "noop", "p0s0"))
      yield* lanes.remove(pool)
    }))

  it.effect("rule 24: an ack to a consumer that is gone fails", () =>
    Effect.gen(function*() {
      const pool = yield* freshPool("noop")
      yield* submit({ pool })
      const message = yield* pollSome(pool)
      yield* Lanes.use((lanes) => lanes.remove(pool))
      const error = yield* Effect.flip(message.ack)
      assert.include(error.operation, message.job_id)
      yield* Lanes.use((lanes) => lanes.purgeJob(message.job_id))
    }))

  it.effect("rule 11: a wake names the lane, and the message can be pulled by then", () =>
    Effect.gen(function*() {
      const lanes = yield* Lanes
      const pool = yield* freshPool("noop", "starter")
      for (let job = 0; job < 30; job++) {
        const lane = allLanes[job % allLanes.length] ?? assert.fail()
        const model = job % 2 === 0 ? "noop" : "starter"
        assert.isUndefined(yield* poll(pool, ["noop", "starter"]), "so the lanes are known to be empty")
        const woken = yield* Effect.forkChild(firstOf(lanes.wakes(pool)), { startImmediately: true })
        const view = yield* submit({ pool, model, ...lane })
        assert.deepStrictEqual(yield* Fiber.join(woken), { model, lane: laneName(lane) })
        const message = yield* poll(pool, ["noop", "starter"])
        assert.strictEqual(message?.job_id, view.record.job_id)
        yield* message?.ack ?? Effect.void
      }
    }))

  it.effect("rule 11: what no wake told is found within a second all the same", () =>
    Effect.gen(function*() {
      const pool = yield* freshPool("noop")
      yield* submit({ pool })
      const message = yield* pollSome(pool)
      assert.isUndefined(yield* poll(pool))
      // A message that comes back wakes nobody.
      yield* message.nak(0)
      const again = yield* pollSome(pool)
      assert.deepInclude(again, { job_id: message.job_id, deliveryCount: 2 })
      yield* again.ack
    }))

  it.effect("an idle agent asks for a lane once a second, not at every poll", () =>
    Effect.gen(function*() {
      const { nc } = yield* Connection
      const pool = yield* freshPool("noop")
      let pulls = 0
      const subscription = nc.subscribe("$JS.API.CONSUMER.MSG.NEXT.WORK.>", {
        callback: (_, message) => void (message.subject.includes(`.${pool}=`) && pulls++)
      })
      const start = performance.now()
      for (let round = 0; round < 100; round++) yield* poll(pool)
      const seconds = Math.ceil((performance.now() - start) / 1_000)
      yield* Effect.promise(() => nc.flush())
      subscription.unsubscribe()
      assert.isAtLeast(pulls, allLanes.length)
      assert.isAtMost(pulls, allLanes.length * (seconds + 1))
    }))

  it.effect("an agent that polls while its message is on the way gets it or gives it back", () =>
    Effect.gen(function*() {
      const pool = yield* freshPool("noop")
      const jobs = yield* Effect.forEach(Array.from({ length: 20 }), () => submit({ pool }))
      yield* Effect.forEach(jobs, inWork)
      const taken: Array<string> = []
      const agents = yield* Effect.forEach(Array.from({ length: 4 }), () =>
        Effect.forkChild(
          Effect.gen(function*() {
            for (;;) {
              const message = yield* poll(pool)
              if (message === undefined) return
              taken.push(message.job_id)
              yield* message.ack
            }
          })
        ))
      yield* Fiber.joinAll(agents)
      assert.sameMembers(taken, jobs.map(({ record }) => record.job_id))
    }))

  it.effect("rule 13: priorities and shares are served by weight on a real queue", () =>
    Effect.gen(function*() {
      const pool = yield* freshPool("noop")
      const jobs = yield* Effect.forEach(
        allLanes.flatMap((lane) => Array.from({ length: lane.priority === 0 ? 16 : 6 }, () => lane)),
        (lane) => submit({ pool, ...lane }),
        { concurrency: 8 }
      )
      yield* Effect.forEach(jobs, inWork, { concurrency: 8 })
      const order: Array<string> = []
      for (let pick = 0; pick < 24; pick++) {
        const message = yield* pollSome(pool)
        order.push(message.lane)
        yield* message.ack
      }
      const count = (of: (lane: string) => boolean) => order.filter(of).length
      assert.deepStrictEqual([0, 1, 2].map((priority) => count((lane) => parseLane(lane)?.priority === priority)), [16, 6, 2])
      const [light, some, heavy] = [0, 1, 2].map((share) => count((lane) => lane === `p0s${share}`))
      assert.isAbove(light ?? 0, some ?? 0)
      assert.isAbove(some ?? 0, heavy ?? 0)
      assert.isAbove(heavy ?? 0, 0, "the heavy client's turn comes too")
    }))

  it.effect("rule 14: the loaded model first; another's head only after its delay", () =>
    Effect.gen(function*() {
      const lanes = yield* Lanes
      const pool = yield* freshPool("noop", "sdxl")
      const other = yield* submit({ pool, model: "sdxl", priority: 0 })
      const mine = yield* submit({ pool, model: "noop", priority: 2, share: 2 })
      yield* Effect.forEach([other, mine], inWork)
      const ask = (delayMs: number) =>
        lanes.poll({ pool, loaded: ["noop"], others: ["sdxl"], affinityDelayMs: () => delayMs })
      const first = yield* ask(60_000)
      assert.strictEqual(first?.job_id, mine.record.job_id)
      assert.isUndefined(yield* ask(60_000), "it waits for an agent that has the model")
      const second = yield* ask(0)
      assert.strictEqual(second?.job_id, other.record.job_id)
      yield* Effect.forEach([first, second], (message) => message?.ack ?? Effect.void)
    }))

  it.effect("rule 14: a message that another agent runs does not age the young one behind it", () =>
    Effect.gen(function*() {
      const lanes = yield* Lanes
      const pool = yield* freshPool("noop", "sdxl")
      const running = yield* submit({ pool, model: "sdxl" })
      yield* inWork(running)
      const runs = yield* Effect.provide(pollSome(pool, ["sdxl"]), program("owner"))
      assert.strictEqual(runs.job_id, running.record.job_id)
      yield* Effect.sleep("1200 millis")
      const young = yield* submit({ pool, model: "sdxl" })
      yield* inWork(young)
      assert.isUndefined(
        yield* lanes.poll({ pool, loaded: ["noop"], others: ["sdxl"], affinityDelayMs: () => 1_000 })
      )
      yield* eventually(
        "the delay is over",
        Effect.map(
          lanes.poll({ pool, loaded: ["noop"], others: ["sdxl"], affinityDelayMs: () => 1_000 }),
          (message) => message?.job_id === young.record.job_id
        )
      )
    }))

  it.effect("positions count those who wait, not those who run; purged and unknown jobs have none", () =>
    Effect.gen(function*() {
      const [lanes, { nc }] = [yield* Lanes, yield* Connection]
      const pool = yield* freshPool("noop")
      const jobs = yield* Effect.forEach(Array.from({ length: 5 }), () => submit({ pool }))
      yield* submit({ pool, share: 2 })
      yield* Effect.forEach(jobs, inWork)
      const positions = Effect.forEach(jobs, ({ record }) => lanes.position(record.job_id))
      assert.deepStrictEqual(yield* positions, [0, 1, 2, 3, 4])
      assert.strictEqual((yield* pollSome(pool)).job_id, jobs[0]?.record.job_id)
      yield* lanes.purgeJob(jobs[2]?.record.job_id ?? "")
      assert.deepStrictEqual(yield* positions, [undefined, 0, undefined, 1, 2])
      assert.isUndefined(yield* lanes.position(crypto.randomUUID()))
      const subscriptions = () => (nc as never as { protocol: { subscriptions: { subs: Map<number, unknown> } } }).protocol.subscriptions.subs.size
      const before = subscriptions()
      yield* Effect.repeat(positions, { times: 3 })
      assert.strictEqual(subscriptions(), before, "a read leaves no subscription behind")
    }))

  it.effect("rule 10: a job that was purged from the queue no longer counts", () =>
    Effect.gen(function*() {
      const lanes = yield* Lanes
      const pool = yield* freshPool("noop")
      const views = yield* Effect.forEach(Array.from({ length: 3 }), () => submit({ pool }))
      yield* Effect.forEach(views, inWork)
      yield* pollSome(pool)
      yield* Effect.forEach(views, ({ record }) => lanes.purgeJob(record.job_id))
      assert.deepStrictEqual(yield* depthOf(pool), { _tag: "Readable", depth: 0, pending: 0, running: 0 })
    }))

  it.effect("rule 12: messages of a pool without lanes are counted", () =>
    Effect.gen(function*() {
      const lanes = yield* Lanes
      const before = yield* lanes.unowned
      const pool = yield* freshPool("noop")
      const views = yield* Effect.forEach(Array.from({ length: 3 }), () => submit({ pool }))
      yield* Effect.forEach(views, inWork)
      yield* pollSome(pool)
      assert.strictEqual(yield* lanes.unowned, before)
      yield* lanes.remove(pool)
      assert.strictEqual(yield* lanes.unowned, before + 3)
      assert.deepInclude(yield* depthOf(pool), { _tag: "Unreadable", lanesMissing: true }, "no lanes is not an empty queue")
      yield* Effect.forEach(views, ({ record }) => lanes.purgeJob(record.job_id))
      assert.strictEqual(yield* lanes.unowned, before)
    }))

  it.effect("rule 10: a pool that lost one of its lanes has no depth that can be relied on, until it is made again", () =>
    Effect.gen(function*() {
      const { jsm } = yield* Connection
      const lanes = yield* Lanes
      const pool = yield* freshPool("noop")
      const view = yield* submit({ pool })
      yield* inWork(view)
      yield* Effect.promise(() => jsm.consumers.delete(workStream, laneConsumer(pool, "noop", laneName({ priority: 0, share: 0 }))))
      assert.deepInclude(yield* depthOf(pool), { _tag: "Unreadable", lanesMissing: true })
      yield* lanes.ensure(pool, ["noop"])
      assert.deepInclude(yield* depthOf(pool), { _tag: "Readable", depth: 1 })
    }))

  it.effect("rule 10: depth is what waits and what runs, of this pool alone", () =>
    Effect.gen(function*() {
      const [pool, other] = [yield* freshPool("noop", "sdxl"), yield* freshPool("noop")]
      assert.deepStrictEqual(yield* depthOf(pool), { _tag: "Readable", depth: 0, pending: 0, running: 0 })
      const views = yield* Effect.all([submit({ pool }), submit({ pool, model: "sdxl", priority: 0 }), submit({ pool: other })])
      yield* Effect.forEach(views, inWork)
      const message = yield* pollSome(pool)
      assert.deepStrictEqual(yield* depthOf(pool), { _tag: "Readable", depth: 2, pending: 1, running: 1 })
      yield* message.ack
      assert.deepStrictEqual(yield* depthOf(pool), { _tag: "Readable", depth: 1, pending: 1, running: 0 })
    }))

  it.effect("a message whose event has no record is handed out all the same: the claim drops it", () =>
    Effect.gen(function*() {
      const { nc } = yield* Connection
      const pool = yield* freshPool("noop")
      const stray = eventSubject("stray", "queued", { pool, model: "noop", lane: "p1s0", client: "c" })
      nc.publish(stray, "{}")
      const message = yield* pollSome(pool)
      assert.strictEqual(message.job_id, "stray")
      yield* message.ack
    }))

  it.effect("wakes go to every listener, until each stops", () =>
    Effect.gen(function*() {
      const lanes = yield* Lanes
      const pool = yield* freshPool("noop")
      const listener = lanes.wakes(pool).pipe(Stream.take(2), Stream.runCollect)
      const both = yield* Effect.forEach([listener, listener], (wakes) => Effect.forkChild(wakes, { startImmediately: true }))
      yield* submit({ pool, priority: 0 })
      yield* submit({ pool, priority: 2 })
      for (const fiber of both) {
        assert.deepStrictEqual((yield* Fiber.join(fiber)).map(({ lane }) => lane), ["p0s0", "p2s0"])
      }
    }))
})
