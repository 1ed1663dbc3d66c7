import { assert, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { GpuPoolStatus } from "../../src/contract/GpuPool.ts"
import { Lanes } from "../../src/platform/nats/Lanes.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import type { Pod } from "../../src/platform/kubernetes/resources.ts"
import { laneServices } from "./laneServices.ts"
import { cancelCommand, live } from "./logServices.ts"
import { kubeOf, memoryApiServer, patiently, refusalsOf, startAgent, startOperator, submitTo } from "./operatorRig.ts"

/** The operator from end to end, with a real broker: what it makes of pools, jobs, kubelets and agents. */

const pool = { models: ["noop"], maxReplicas: 3, placement: { gpu: { count: 0 } }, scaling: { cooldown: "1s" } }

const isLeaving = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined

layer(laneServices, live)("operator", (it) => {
  it.effect("a job wakes the pool; the agent is asked before its pod goes; the status tells it all", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      yield* startOperator(server)
      yield* kube.apply("wakes", pool)
      yield* patiently("lanes", Effect.map(kube.status("wakes"), (status) => status?.lanesReadyFor.includes("noop") === true))
      const before = yield* kube.status("wakes")
      assert.deepInclude(before, { state: "SCALED_TO_ZERO", replicas: 0, selector: "darkroom.dev/pool=wakes" })

      const job = yield* submitTo("wakes")
      yield* patiently("a pod", Effect.map(kube.podsOf("wakes"), (found) => found.length === 1))
      const [created] = yield* kube.podsOf("wakes")
      assert.match(created!.metadata.name, /^wakes-0-[a-z0-9]{4}$/)
      yield* patiently("WAKING_UP", Effect.map(kube.status("wakes"), (status) => status?.state === "WAKING_UP"))

      const agent = yield* startAgent("wakes", created!.metadata.name)
      agent.busy = true
      yield* kube.run(created!)
      yield* patiently("ACTIVE", Effect.map(kube.status("wakes"), (status) => status?.state === "ACTIVE" && status.busyReplicas === 1))
      const active = yield* kube.status("wakes")
      assert.isDefined(active?.coldStart)
      assert.strictEqual(active?.observedGeneration, (yield* kube.pool("wakes"))?.metadata.generation)

      // The job ends; its agent holds on to something else and must not be touched.
      yield* JobLog.use((log) => log.append(job, cancelCommand, "/test"))
      yield* Lanes.use((lanes) => lanes.purgeJob(job.record.job_id))
      yield* Effect.sleep("9 seconds")
      assert.isFalse((yield* kube.podsOf("wakes")).some(isLeaving))

      agent.busy = false
      yield* patiently("the pod is deleted", Effect.map(kube.podsOf("wakes"), (found) => found.every(isLeaving)))
      assert.isAtLeast(agent.asked, 1)
      yield* agent.stop
      for (const pod of yield* kube.podsOf("wakes")) yield* kube.bury(pod)
      yield* patiently("SCALED_TO_ZERO", Effect.map(kube.status("wakes"), (status) =>
        status?.state === "SCALED_TO_ZERO" && status.replicas === 0 && status.terminatingReplicas === 0))
      const told = yield* kube.eventsOf("wakes")
      assert.includeMembers(told, ["ScaledOut", "ScaledIn"])
    }), 120_000)

  it.effect("N jobs, N pods, in one step; no pod for a job more than the maximum", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      yield* startOperator(server)
      yield* kube.apply("burst", { ...pool, replicas: 0 })
      yield* patiently("lanes", Effect.map(kube.status("burst"), (status) => status !== undefined))
      yield* Effect.forEach(Array.from({ length: 7 }), () => submitTo("burst"), { concurrency: 7, discard: true })
      yield* patiently("three pods", Effect.map(kube.podsOf("burst"), (found) => found.length === 3))
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual((yield* kube.podsOf("burst")).map(({ metadata }) => metadata.labels?.["darkroom.dev/slot"]).sort(), ["0", "1", "2"])
      assert.strictEqual(server.createdPods(), 3)
    }), 120_000)

  it.effect("pods without a node are held and told, failed ones are reaped with patience", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      yield* startOperator(server)
      yield* kube.apply("held", { ...pool, replicas: 1, lifecycle: { startupTimeout: "1s", maxPodFailures: 2 } })
      yield* patiently("a pod", Effect.map(kube.podsOf("held"), (found) => found.length === 1))
      const [first] = yield* kube.podsOf("held")
      yield* kube.unschedulable(first!, "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")
      yield* patiently("no capacity", Effect.map(kube.status("held"), (status) =>
        status?.conditions.some(({ message, status, type }) => type === "CapacityAvailable" && status === "False" && message.includes("Insufficient")) === true))
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual((yield* kube.podsOf("held")).map(({ metadata }) => metadata.uid), [first!.metadata.uid])
      assert.include(yield* kube.eventsOf("held"), "Unschedulable")

      yield* kube.fail(first!, "UnexpectedAdmissionError")
      yield* patiently("another pod", Effect.map(kube.podsOf("held"), (found) => found.length === 1 && found[0]!.metadata.uid !== first!.metadata.uid))
      const [second] = yield* kube.podsOf("held")
      assert.match(second!.metadata.name, /^held-0-/)
      assert.notStrictEqual(second!.metadata.name, first!.metadata.name)
      yield* kube.fail(second!, "UnexpectedAdmissionError")
      yield* patiently("UNHEALTHY", Effect.map(kube.status("held"), (status) => status?.state === "UNHEALTHY"))
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual(yield* kube.podsOf("held"), [])
    }), 120_000)

  it.effect("deleting a pool: running jobs end, queued ones go, then pods, lanes and the pool", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      const lanes = yield* Lanes
      const { refused, transport } = refusalsOf(server)
      yield* startOperator({ ...server, transport })
      yield* kube.apply("goes", { ...pool, replicas: 1 })
      yield* patiently("a pod", Effect.map(kube.podsOf("goes"), (found) => found.length === 1))
      const [pod] = yield* kube.podsOf("goes")
      const agent = yield* startAgent("goes", pod!.metadata.name)
      agent.busy = true
      yield* kube.run(pod!)
      yield* patiently("busy", Effect.map(kube.status("goes"), (status) => status?.busyReplicas === 1))
      const queued = yield* submitTo("goes")

      yield* kube.deletePool("goes")
      yield* patiently("no more routing", Effect.map(kube.status("goes"), (status) => status?.lanesReadyFor.length === 0))
      yield* patiently("asked to drain", Effect.sync(() => agent.asked > 0))
      assert.isFalse((yield* kube.podsOf("goes")).some(isLeaving))
      assert.isTrue((yield* lanes.existing).has("goes"))

      agent.busy = false
      yield* patiently("the pod goes", Effect.map(kube.podsOf("goes"), (found) => found.every(isLeaving)))
      yield* agent.stop
      for (const one of yield* kube.podsOf("goes")) yield* kube.bury(one)
      yield* Effect.sleep("2 seconds")
      assert.isDefined(yield* kube.pool("goes"), "a job still waits")
      // What a gateway's sweeper does.
      yield* JobLog.use((log) => log.append(queued, { _tag: "Fail", by: "sweeper", error: { class: "pool_deleted", message: "gone" }, at: new Date().toISOString() }, "/test"))
      yield* lanes.purgeJob(queued.record.job_id)
      yield* patiently("the pool is gone", Effect.map(kube.pool("goes"), (found) => found === undefined))
      assert.isFalse((yield* lanes.existing).has("goes"))
      // An end as it should be is no problem to anybody.
      assert.notInclude(yield* kube.eventsOf("goes"), "Unreadable")
      assert.deepStrictEqual(refused, [])
    }), 120_000)

  it.effect("a model that a pool gives up: nothing new comes, what waits goes, then its lanes", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      const lanes = yield* Lanes
      const models = Effect.map(lanes.existing, (existing) => existing.get("drops")?.join())
      yield* startOperator(server)
      yield* kube.apply("drops", { ...pool, maxReplicas: 0, models: ["noop", "old"] })
      yield* patiently("both have lanes", Effect.map(kube.status("drops"), (status) => status?.lanesReadyFor.join() === "noop,old"))
      const waiting = yield* submitTo("drops", "old")
      yield* kube.apply("drops", { models: ["noop"] })
      yield* patiently("no more routing", Effect.map(kube.status("drops"), (status) => status?.lanesReadyFor.join() === "noop"))
      yield* Effect.sleep("3 seconds")
      assert.strictEqual(yield* models, "noop,old", "a job still waits")
      // What a gateway's sweeper does.
      yield* JobLog.use((log) => log.append(waiting, { _tag: "Fail", by: "sweeper", error: { class: "pool_deleted", message: "given up" }, at: new Date().toISOString() }, "/test"))
      yield* lanes.purgeJob(waiting.record.job_id)
      yield* patiently("its lanes are gone", Effect.map(models, (left) => left === "noop"))
    }), 120_000)

  it.effect("writes nothing while nothing happens, with pods or without", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      yield* startOperator(server)
      yield* kube.apply("empty", pool)
      yield* kube.apply("full", { ...pool, replicas: 1 })
      yield* patiently("a pod", Effect.map(kube.podsOf("full"), (found) => found.length === 1))
      const [pod] = yield* kube.podsOf("full")
      yield* startAgent("full", pod!.metadata.name)
      yield* kube.run(pod!)
      yield* patiently("both told", Effect.gen(function*() {
        const [empty, full] = [yield* kube.status("empty"), yield* kube.status("full")]
        return empty?.state === "SCALED_TO_ZERO" && full?.state === "ACTIVE" && full.observedGeneration === 1
      }))
      yield* Effect.sleep("3 seconds")
      const writes = () => server.requests.filter(({ method, path }) => method !== "GET" && !path.includes("/leases/"))
      const before = writes().length
      yield* Effect.sleep("10 seconds")
      assert.deepStrictEqual(writes().slice(before), [])
    }), 120_000)

  it.effect("who leads next goes on with the cooldown: nobody stays longer because an operator was restarted", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      const first = yield* startOperator(server)
      yield* kube.apply("rests", { ...pool, scaling: { cooldown: "300s" } })
      yield* patiently("lanes", Effect.map(kube.status("rests"), (status) => status?.lanesReadyFor.includes("noop") === true))
      const job = yield* submitTo("rests")
      yield* patiently("a pod", Effect.map(kube.podsOf("rests"), (found) => found.length === 1))
      const [pod] = yield* kube.podsOf("rests")
      yield* startAgent("rests", pod!.metadata.name)
      yield* kube.run(pod!)
      yield* patiently("ready", Effect.map(kube.status("rests"), (status) => status?.readyReplicas === 1))
      yield* JobLog.use((log) => log.append(job, cancelCommand, "/test"))
      yield* Lanes.use((lanes) => lanes.purgeJob(job.record.job_id))
      const isIdle = ({ status, type }: GpuPoolStatus["conditions"][number]) => type === "Active" && status === "False"
      yield* patiently("idle", Effect.map(kube.status("rests"), (status) => status?.conditions.some(isIdle) === true))
      yield* Fiber.interrupt(first)
      // As if nearly all of the cooldown had gone by: what is left of it is waited for, and no more.
      const lastTransitionTime = new Date(Date.now() - 290_000).toISOString()
      const { conditions } = (yield* kube.status("rests"))!
      yield* kube.patchPoolStatus("rests", { conditions: conditions.map((one) => (isIdle(one) ? { ...one, lastTransitionTime } : one)) })
      yield* startOperator(server)
      yield* Effect.sleep("4 seconds")
      assert.isFalse((yield* kube.podsOf("rests")).some(isLeaving), "the cooldown is not over")
      yield* patiently("the pod goes", Effect.map(kube.podsOf("rests"), (found) => found.every(isLeaving)))
    }), 120_000)

  it.effect("two operators: one works, and when it ends the other goes on with the same pods", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      const first = yield* startOperator(server)
      yield* Effect.sleep("500 millis")
      yield* startOperator(server)
      yield* kube.apply("pair", { ...pool, replicas: 2 })
      yield* patiently("two pods", Effect.map(kube.podsOf("pair"), (found) => found.length === 2))
      const before = (yield* kube.podsOf("pair")).map(({ metadata }) => metadata.uid)
      yield* Fiber.interrupt(first)
      yield* kube.apply("pair", { ...pool, replicas: 3 })
      yield* patiently("three pods", Effect.map(kube.podsOf("pair"), (found) => found.length === 3))
      assert.includeMembers((yield* kube.podsOf("pair")).map(({ metadata }) => metadata.uid), before)
    }), 120_000)
})
