import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { GpuPoolStatus } from "../../src/contract/GpuPool.ts"
import type { Pod } from "../../src/platform/kubernetes/resources.ts"
import { JobLog } from "../../src/platform/nats/JobLog.ts"
import { Lanes } from "../../src/platform/nats/Lanes.ts"
import { laneServices } from "./laneServices.ts"
import { cancelCommand, live } from "./logServices.ts"
import { type FakeAgent, kubeOf, memoryApiServer, patiently, startAgent, startOperator, submitTo } from "./operatorRig.ts"

/** Other ways to run a pool than by its queue, through a whole operator: an autoscaler's, a changed spec, gates, pauses. */

const pool = { models: ["noop"], maxReplicas: 3, placement: { gpu: { count: 0 } }, scaling: { cooldown: "1s" } }

const isLeaving = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined
const revisionOf = (pod: Pod) => pod.metadata.labels?.["darkroom.dev/revision"]

const condition = (status: GpuPoolStatus | undefined, type: string) => status?.conditions.find((one) => one.type === type)

/** An operator, a pool of its own, and what the kubelets and agents of its pods do. */
const worldOf = Effect.fnUntraced(function*(name: string, spec: Record<string, unknown>) {
  const server = memoryApiServer()
  const kube = kubeOf(server)
  const agents = new Map<string, FakeAgent>()
  yield* startOperator(server)
  yield* kube.apply(name, spec)

  const pods = kube.podsOf(name)
  const until = (what: string, holds: (pods: ReadonlyArray<Pod>) => boolean) => patiently(what, Effect.map(pods, holds))
  const untilStatus = (what: string, holds: (status: GpuPoolStatus) => boolean) =>
    patiently(what, Effect.map(kube.status(name), (status) => status !== undefined && holds(status)))
  yield* untilStatus("lanes", (status) => status.lanesReadyFor.includes("noop"))

  /** Every pod that has none gets a process, and an agent in it. */
  const serve = Effect.gen(function*() {
    for (const pod of yield* pods) {
      if (agents.has(pod.metadata.name) || isLeaving(pod)) continue
      agents.set(pod.metadata.name, yield* startAgent(name, pod.metadata.name))
      yield* kube.run(pod)
    }
  })
  /** The processes of pods that are being deleted end. */
  const bury = Effect.gen(function*() {
    for (const pod of (yield* pods).filter(isLeaving)) {
      yield* agents.get(pod.metadata.name)?.stop ?? Effect.void
      yield* kube.bury(pod)
    }
  })
  const agentOf = (pod: Pod | undefined) => agents.get(pod?.metadata.name ?? "")!
  return { kube, pods, until, untilStatus, serve, bury, agentOf, apply: (changed: Record<string, unknown>) => kube.apply(name, changed) }
})

layer(laneServices, live)("operator", (it) => {
  it.effect("mode External: there are as many as an autoscaler says, whatever the queue holds, and busy ones end their job", () =>
    Effect.gen(function*() {
      const { agentOf, bury, kube, pods, serve, until, untilStatus } = yield* worldOf("external", { ...pool, scaling: { mode: "External", cooldown: "300s" } })
      const job = yield* submitTo("external")
      yield* untilStatus("the job is seen", (status) => status.queue.depth === 1)
      yield* Effect.sleep("2 seconds")
      assert.deepStrictEqual(yield* pods, [], "a job is the autoscaler's business")

      yield* kube.scale("external", 2)
      yield* until("two pods", (found) => found.length === 2)
      yield* serve
      yield* untilStatus("two ready", (status) => status.readyReplicas === 2 && status.selector === "darkroom.dev/pool=external")
      const [first, second] = yield* pods
      agentOf(first).busy = true
      yield* untilStatus("one busy", (status) => status.busyReplicas === 1)

      yield* kube.scale("external", 0)
      yield* until("the idle one goes, without a cooldown", (found) => found.filter(isLeaving).map(({ metadata }) => metadata.uid).join() === second!.metadata.uid)
      yield* bury
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual((yield* pods).map(({ metadata }) => [metadata.uid, metadata.deletionTimestamp]), [[first!.metadata.uid, undefined]])
      agentOf(first).busy = false
      yield* until("the busy one goes after its job", (found) => found.every(isLeaving))
      yield* bury
      yield* untilStatus("none", (status) => status.state === "SCALED_TO_ZERO" && status.queue.depth === 1)
      yield* kube.scale("external", 1)
      yield* until("and up again", (found) => found.length === 1)
      yield* Lanes.use((lanes) => lanes.purgeJob(job.record.job_id))
    }), 120_000)

  it.effect("an agent that was asked to drain and is wanted after all goes on at once", () =>
    Effect.gen(function*() {
      const { agentOf, kube, pods, serve, until, untilStatus } = yield* worldOf("back", { ...pool, replicas: 1, scaling: { mode: "External" } })
      yield* until("a pod", (found) => found.length === 1)
      yield* serve
      yield* untilStatus("ready", (status) => status.readyReplicas === 1)
      const agent = agentOf((yield* pods)[0])
      agent.hesitates = true
      yield* kube.scale("back", 0)
      yield* patiently("asked", Effect.sync(() => agent.asked > 1))
      assert.strictEqual(agent.resumed, 0)
      yield* kube.scale("back", 1)
      yield* patiently("called back", Effect.sync(() => agent.resumed > 0))
      yield* Effect.sleep("3 seconds")
      assert.strictEqual(agent.resumed, 1, "once")
      assert.isFalse((yield* pods).some(isLeaving))
    }), 120_000)

  it.effect("a changed spec replaces one pod after the other, and a busy one only after its job", () =>
    Effect.gen(function*() {
      const { agentOf, apply, bury, pods, serve, until, untilStatus } = yield* worldOf("changes", { ...pool, replicas: 2 })
      yield* until("two pods", (found) => found.length === 2)
      yield* serve
      yield* untilStatus("two ready", (status) => status.readyReplicas === 2)
      const old = yield* pods
      const [busy, idle] = old
      agentOf(busy).busy = true
      yield* untilStatus("one busy", (status) => status.busyReplicas === 1)

      yield* apply({ ...pool, replicas: 2, template: { metadata: { annotations: { changed: "yes" } } } })
      yield* until("the idle one goes", (found) => found.some(isLeaving))
      assert.deepStrictEqual((yield* pods).filter(isLeaving).map(({ metadata }) => metadata.uid), [idle!.metadata.uid])
      yield* bury
      const isNew = (pod: Pod) => revisionOf(pod) !== revisionOf(old[0]!)
      yield* until("a new one", (found) => found.filter(isNew).length === 1)
      assert.strictEqual((yield* pods).find(isNew)?.metadata.annotations?.["changed"], "yes")
      yield* serve
      yield* untilStatus("two ready again", (status) => status.readyReplicas === 2)
      yield* Effect.sleep("3 seconds")
      assert.isFalse((yield* pods).some(isLeaving), "it has a job")

      agentOf(busy).busy = false
      yield* until("the busy one goes after its job", (found) => found.some((pod) => isLeaving(pod) && pod.metadata.uid === busy!.metadata.uid))
      yield* bury
      yield* until("all are new", (found) => found.length === 2 && found.every(isNew))
      yield* serve
      yield* untilStatus("two ready at last", (status) => status.readyReplicas === 2 && condition(status, "Progressing")?.status === "False")
    }), 120_000)

  it.effect("pods behind a gate are held, told and not replaced, and go at once when nobody wants them", () =>
    Effect.gen(function*() {
      const { kube, pods, until, untilStatus } = yield* worldOf("gated", {
        ...pool,
        replicas: 2,
        lifecycle: { startupTimeout: "1s" },
        template: { spec: { schedulingGates: [{ name: "example.org/quota" }] } }
      })
      yield* until("two pods", (found) => found.length === 2)
      const before = yield* pods
      assert.deepStrictEqual(before[0]!.spec.schedulingGates, [{ name: "example.org/quota" }])
      for (const pod of before) yield* kube.gated(pod)
      yield* untilStatus("told", (status) => condition(status, "CapacityAvailable")?.reason === "SchedulingGated" && status.unschedulableReplicas === 2)
      yield* Effect.sleep("3 seconds")
      assert.sameMembers((yield* pods).map(({ metadata }) => metadata.uid), before.map(({ metadata }) => metadata.uid))
      assert.strictEqual(condition(yield* kube.status("gated"), "Degraded")?.status, "False")
      yield* kube.scale("gated", 0)
      yield* until("none", (found) => found.every(isLeaving))
    }), 120_000)

  it.effect("paused Out: no pod is created; paused In: none goes", () =>
    Effect.gen(function*() {
      const { apply, bury, pods, serve, until, untilStatus } = yield* worldOf("paused", { ...pool, paused: "Out" })
      const job = yield* submitTo("paused")
      yield* untilStatus("paused", (status) => status.queue.depth === 1 && condition(status, "Paused")?.reason === "Out")
      yield* Effect.sleep("2 seconds")
      assert.deepStrictEqual(yield* pods, [])

      yield* apply({ paused: "In" })
      yield* until("a pod", (found) => found.length === 1)
      yield* serve
      yield* untilStatus("ready", (status) => status.readyReplicas === 1)
      yield* JobLog.use((log) => log.append(job, cancelCommand, "/test"))
      yield* Lanes.use((lanes) => lanes.purgeJob(job.record.job_id))
      yield* untilStatus("no job", (status) => status.queue.depth === 0)
      yield* Effect.sleep("4 seconds")
      assert.isFalse((yield* pods).some(isLeaving), "the cooldown is long over")

      yield* apply({ paused: "" })
      yield* until("the pod goes", (found) => found.every(isLeaving))
      yield* bury
      yield* untilStatus("asleep", (status) => status.state === "SCALED_TO_ZERO" && condition(status, "Paused")?.status === "False")
    }), 120_000)
})
