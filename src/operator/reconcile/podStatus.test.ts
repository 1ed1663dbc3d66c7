import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { GpuPool, GpuPoolStatus } from "../../contract/GpuPool.ts"
import type { PodView } from "../fleet/podView.ts"
import type { ReplicaPhase } from "../scaling/decide.ts"
import { podFacts, sightingFacts } from "../../testing/podFacts.ts"
import { idleSinceOf, isMinorChange, isSameStatus, noticesOf, type PodFacts, podStatusOf } from "./podStatus.ts"
import { waitsFor } from "./retirePool.ts"

const pool = Schema.decodeUnknownSync(GpuPool)({
  apiVersion: "darkroom.dev/v1alpha1",
  kind: "GpuPool",
  metadata: { name: "p", generation: 7 },
  spec: { models: ["m"], maxReplicas: 4, lifecycle: { maxPodFailures: 3 } }
})

const pod = (slot: number, more: Partial<PodView> = {}) =>
  podFacts(`p-${slot}-x`, 1_000, { uid: `u${slot}`, slot, scheduledAt: 2_000, runningSince: 3_000, ...more })
const replica = (slot: number, phase: ReplicaPhase) =>
  sightingFacts(`p-${slot}-x`, 0, { phase, busy: phase === "busy", readyAt: phase === "starting" ? undefined : 1, heardAt: 1 })

const facts = (more: Partial<PodFacts> = {}): PodFacts => ({
  pool,
  depth: { _tag: "Readable", depth: 0 },
  replicas: [],
  decision: { desired: 0, reason: "Steady" },
  lanesReadyFor: ["m"],
  failures: 0,
  lastFailure: undefined,
  lastColdStartMs: undefined,
  pods: [],
  refused: undefined,
  deleting: undefined,
  coldStart: undefined,
  lastScale: undefined,
  lastActiveAt: undefined,
  acted: true,
  ...more
})

const at = "2026-11-21T12:00:00.000Z"
const statusOf = (more: Partial<PodFacts> = {}, before?: GpuPoolStatus) => podStatusOf(facts(more), before, at)
const condition = (status: GpuPoolStatus, type: string) => status.conditions.find((one) => one.type === type)
const held = { reason: "Unschedulable", message: "0/2 nodes are available" } as const

describe("podStatusOf", () => {
  it("counts each kind of pod, and is a valid status", () => {
    const status = statusOf({
      pods: [pod(0), pod(1), pod(2, { held }), pod(3, { terminating: true }), pod(4, { ended: { why: "x", disrupted: false } })],
      replicas: [replica(0, "idle"), replica(1, "busy"), replica(2, "starting"), replica(3, "stopping"), replica(4, "stopping")],
      decision: { desired: 3, reason: "Demand" },
      coldStart: { scheduledMs: 1, readyMs: 9 },
      lastScale: { at, from: 0, to: 3, reason: "Demand" }
    })
    assert.deepInclude(status, {
      observedGeneration: 7, replicas: 3, desiredReplicas: 3, readyReplicas: 2, busyReplicas: 1, idleReplicas: 1, unschedulableReplicas: 1,
      terminatingReplicas: 1, failedReplicas: 1, selector: "darkroom.dev/pool=p", lastColdStartMs: 9
    })
    assert.deepStrictEqual(Schema.decodeUnknownSync(GpuPoolStatus)(status), status)
    assert.strictEqual(new Set(status.conditions.map(({ type }) => type)).size, status.conditions.length, "each condition once")
  })

  it("the generation is observed only when it was acted on", () => {
    const before = { ...statusOf(), observedGeneration: 6 }
    assert.strictEqual(statusOf({ acted: false }, before).observedGeneration, 6)
    assert.isUndefined(statusOf({ acted: false }).observedGeneration)
    assert.strictEqual(statusOf({}, before).observedGeneration, 7)
  })

  it("says that there is no capacity in the scheduler's words, and that a gate holds a pod", () => {
    const full = condition(statusOf({ pods: [pod(0, { held }), pod(1, { held })] }), "CapacityAvailable")
    assert.deepInclude(full, { status: "False", reason: "Unschedulable", message: "2 pods wait for a node: 0/2 nodes are available" })
    const gated = condition(statusOf({ pods: [pod(0, { held: { reason: "SchedulingGated", message: "kueue" } })] }), "CapacityAvailable")
    assert.deepInclude(gated, { status: "False", reason: "SchedulingGated", message: "1 pod waits for a node: kueue" })
    assert.strictEqual(condition(statusOf({ pods: [pod(0)] }), "CapacityAvailable")?.status, "True")
  })

  it("is degraded by a refusal of the API server, an image that cannot be pulled, and by failures", () => {
    assert.deepInclude(condition(statusOf({ refused: "exceeded quota" }), "Degraded"), { status: "True", reason: "PodRefused", message: "exceeded quota" })
    const waiting = { reason: "ImagePullBackOff", message: "no such image" }
    assert.deepInclude(condition(statusOf({ pods: [pod(0, { waiting })] }), "Degraded"), { status: "True", reason: "ImagePullBackOff", message: "p-0-x: no such image" })
    assert.strictEqual(condition(statusOf({ pods: [pod(0, { waiting: { reason: "ContainerCreating", message: "" } })] }), "Degraded")?.status, "False")
    assert.strictEqual(condition(statusOf({ failures: 1 }), "Degraded")?.reason, "ReplicaFailed")
  })

  it("is active while there is work", () => {
    assert.strictEqual(condition(statusOf(), "Active")?.status, "False")
    assert.strictEqual(condition(statusOf({ depth: { _tag: "Readable", depth: 1 } }), "Active")?.status, "True")
    assert.strictEqual(condition(statusOf({ depth: { _tag: "Unreadable", reason: "x" }, replicas: [replica(0, "busy")] }), "Active")?.status, "True")
    assert.strictEqual(condition(statusOf({ depth: { _tag: "Unreadable", reason: "x" } }), "Active")?.status, "Unknown")
  })

  it("keeps for the next operator since when there is no work, also when the work was over before it could be told", () => {
    const later = "2026-11-21T12:05:00.000Z"
    const idle = statusOf()
    assert.strictEqual(idleSinceOf(idle), Date.parse(at))
    assert.deepStrictEqual(podStatusOf(facts(), idle, later), idle, "nothing to write while nothing happens")
    const worked = podStatusOf(facts({ depth: { _tag: "Readable", depth: 1 } }), idle, later)
    assert.isUndefined(idleSinceOf(worked))
    assert.strictEqual(idleSinceOf(podStatusOf(facts(), worked, later)), Date.parse(later))
    const between = Date.parse("2026-11-21T12:03:00.000Z")
    const short = podStatusOf(facts({ lastActiveAt: between }), idle, later)
    assert.strictEqual(idleSinceOf(short), between)
    assert.isTrue(isMinorChange(idle, short))
    assert.isUndefined(idleSinceOf(statusOf({ depth: { _tag: "Unreadable", reason: "x" } })))
    assert.isUndefined(idleSinceOf(undefined))
  })

  it("a pool that is being deleted gets no more jobs and says what it waits for", () => {
    const status = statusOf({ deleting: "1 job still running" })
    assert.deepStrictEqual(status.lanesReadyFor, [])
    assert.deepInclude(condition(status, "Ready"), { status: "False", reason: "Deleting", message: "the pool is being deleted: 1 job still running" })
  })
})

describe("what changed", () => {
  it("the order of fields is nothing, a time is something", () => {
    const status = statusOf()
    const turned = Object.fromEntries(Object.entries(status).toReversed()) as GpuPoolStatus
    assert.isTrue(isSameStatus(turned, status))
    assert.isTrue(isSameStatus({ ...status, conditions: status.conditions.toReversed() }, status))
    assert.isFalse(isSameStatus(undefined, status))
    assert.isFalse(isSameStatus({ ...status, replicas: 1 }, status))
  })

  it("counts that change with every job may wait; pods, conditions and lanes may not", () => {
    const before = statusOf()
    assert.isTrue(isMinorChange(before, statusOf({ depth: { _tag: "Readable", depth: 3 } }, before)))
    assert.isFalse(isMinorChange(before, statusOf({ lanesReadyFor: [] }, before)))
    assert.isFalse(isMinorChange(before, statusOf({ replicas: [replica(0, "starting")] }, before)))
    assert.isFalse(isMinorChange(before, statusOf({ depth: { _tag: "Unreadable", reason: "x" } }, before)))
    assert.isFalse(isMinorChange(undefined, before))
  })
})

describe("noticesOf", () => {
  const reasons = (before: GpuPoolStatus | undefined, after: GpuPoolStatus) => noticesOf(before, after).map(({ reason, type }) => `${type} ${reason}`)

  it("tells a scaling once, with how many jobs there are", () => {
    const before = statusOf()
    const after = statusOf({ lastScale: { at, from: 0, to: 2, reason: "Demand" }, depth: { _tag: "Readable", depth: 5 } }, before)
    assert.deepStrictEqual(noticesOf(before, after)[0], {
      type: "Normal",
      reason: "ScaledOut",
      message: "from 0 to 2 replicas (Demand); 5 jobs wait or run"
    })
    assert.deepStrictEqual(reasons(after, after), [])
    assert.deepStrictEqual(reasons(after, statusOf({ lastScale: { at: "2026-11-21T13:00:00.000Z", from: 2, to: 0, reason: "Idle" } })), ["Normal ScaledIn"])
  })

  it("tells what got worse and what got better, each once", () => {
    const good = statusOf()
    const bad = statusOf({ pods: [pod(0, { held })], refused: "quota", depth: { _tag: "Unreadable", reason: "no leader" } }, good)
    assert.sameMembers([...reasons(good, bad)], ["Warning Unschedulable", "Warning PodRefused", "Warning Unreadable"])
    assert.sameMembers([...reasons(bad, good)], ["Normal CapacityAvailable", "Normal DegradedOver", "Normal QueueReachable"])
    assert.deepStrictEqual(reasons(bad, bad), [])
  })

  it("a new pool has nothing good to tell, but what is wrong", () => {
    assert.deepStrictEqual(reasons(undefined, statusOf()), [])
    assert.deepStrictEqual(reasons(undefined, statusOf({ refused: "quota" })), ["Warning PodRefused"])
  })
})

describe("waitsFor", () => {
  const depth = (count: number) => ({ _tag: "Readable", depth: count }) as const
  it("jobs that run, then pods, then jobs that wait, then nothing", () => {
    assert.strictEqual(waitsFor({ pods: [pod(0)], sightings: [replica(0, "busy")], depth: depth(3) }), "1 job still running")
    assert.strictEqual(waitsFor({ pods: [pod(0), pod(1)], sightings: [replica(0, "idle")], depth: depth(3) }), "2 pods still there")
    assert.strictEqual(waitsFor({ pods: [], sightings: [], depth: depth(3) }), "3 jobs still in its queue; gateways move or fail them")
    assert.include(waitsFor({ pods: [], sightings: [], depth: { _tag: "Unreadable", reason: "no leader" } }), "no leader")
    assert.isUndefined(waitsFor({ pods: [], sightings: [], depth: depth(0) }))
  })
})
