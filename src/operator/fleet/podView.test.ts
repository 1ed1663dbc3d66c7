import { assert, describe, it } from "@effect/vitest"
import type { Pod } from "../../platform/kubernetes/resources.ts"
import { viewOf } from "./podView.ts"

const at = (seconds: number) => new Date(1_000_000_000_000 + seconds * 1_000).toISOString()
const ms = (seconds: number) => 1_000_000_000_000 + seconds * 1_000

const pod = (status: NonNullable<Pod["status"]>, more: { readonly metadata?: object; readonly spec?: object } = {}): Pod => ({
  metadata: {
    name: "p-2-abcd",
    uid: "u",
    resourceVersion: "7",
    labels: { "darkroom.dev/pool": "p", "darkroom.dev/slot": "2", "darkroom.dev/revision": "r" },
    creationTimestamp: at(0),
    ...more.metadata
  },
  spec: { containers: [{ name: "agent" }], ...more.spec },
  status
})

const condition = (type: string, status: string, seconds: number, more: { readonly reason?: string; readonly message?: string } = {}) => ({
  type,
  status,
  lastTransitionTime: at(seconds),
  ...more
})

describe("viewOf", () => {
  it("reads a pod that runs and is ready", () => {
    const view = viewOf(pod({
      phase: "Running",
      conditions: [condition("PodScheduled", "True", 1), condition("PodReadyToStartContainers", "True", 3), condition("Ready", "True", 9)],
      containerStatuses: [
        { name: "sidecar", ready: false, restartCount: 9 },
        { name: "agent", ready: true, restartCount: 0, state: { running: { startedAt: at(5) } } }
      ]
    }))
    assert.deepInclude(view, { name: "p-2-abcd", uid: "u", resourceVersion: "7", slot: 2, revision: "r", createdAt: ms(0) })
    assert.deepInclude(view, { scheduledAt: ms(1), sandboxAt: ms(3), runningSince: ms(5), readySince: ms(9), restarts: 0, terminating: false })
    assert.deepInclude(view, { held: undefined, ended: undefined, waiting: undefined, busyLabelled: false })
  })

  it("a pod without status is new, not broken", () => {
    const view = viewOf({ metadata: pod({}).metadata, spec: { containers: [] } })
    assert.deepInclude(view, { held: undefined, ended: undefined, runningSince: undefined, readySince: undefined })
  })

  it("tells unschedulable from gated, with the scheduler's words; a pod with a node is neither", () => {
    const waiting = [condition("PodScheduled", "False", 1, { reason: "Unschedulable", message: "0/2 nodes are available: 2 Insufficient nvidia.com/gpu." })]
    assert.deepStrictEqual(viewOf(pod({ phase: "Pending", conditions: waiting })).held, {
      reason: "Unschedulable",
      message: "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    })
    const gated = [condition("PodScheduled", "False", 1, { reason: "SchedulingGated" })]
    assert.strictEqual(viewOf(pod({ phase: "Pending", conditions: gated })).held?.reason, "SchedulingGated")
    assert.strictEqual(viewOf(pod({ phase: "Pending" }, { spec: { schedulingGates: [{ name: "kueue" }] } })).held?.reason, "SchedulingGated")
    assert.isUndefined(viewOf(pod({ conditions: waiting }, { spec: { nodeName: "n1" } })).held)
    assert.isUndefined(viewOf(pod({ phase: "Pending" })).held)
  })

  it("says why a container does not run, with how it ended last", () => {
    const view = viewOf(pod({
      containerStatuses: [{
        name: "agent",
        ready: false,
        restartCount: 4,
        state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s" } },
        lastState: { terminated: { exitCode: 1, reason: "Error", message: "no model\n", finishedAt: at(30) } }
      }]
    }))
    assert.deepStrictEqual(view.waiting, { reason: "CrashLoopBackOff", message: "exit code 1: Error: no model" })
    assert.deepInclude(view, { restarts: 4, stoppedAt: ms(30), runningSince: undefined })
  })

  it.each([
    ["an admission error", { phase: "Failed", reason: "UnexpectedAdmissionError", message: "no GPU" }, false, "UnexpectedAdmissionError: no GPU"],
    ["eviction", { phase: "Failed", reason: "Evicted", message: "low on memory" }, true, "Evicted: low on memory"],
    ["node shutdown", { phase: "Failed", reason: "Terminated" }, true, "Terminated"],
    ["a preemption that only a condition tells", { phase: "Failed", conditions: [condition("DisruptionTarget", "True", 1)] }, true, "the pod is Failed"],
    ["an end without a word", { phase: "Succeeded" }, false, "the pod is Succeeded"]
  ])("an ended pod: %s", (_, status, disrupted, why) => {
    assert.deepStrictEqual(viewOf(pod(status)).ended, { why, disrupted })
  })

  it("knows when a pod that is being deleted is overdue, and the busy label", () => {
    const view = viewOf(pod({}, { metadata: { deletionTimestamp: at(60), labels: { "darkroom.dev/busy": "true" } } }))
    assert.deepInclude(view, { terminating: true, overdueAt: ms(60), busyLabelled: true, slot: -1 })
  })
})
