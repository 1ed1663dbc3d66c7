import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { GpuPoolSpec } from "../../contract/GpuPool.ts"
import type { Sighting } from "../fleet/observe.ts"
import { podName } from "../fleet/podNames.ts"
import type { PodView } from "../fleet/podView.ts"
import type { ReplicaPhase } from "../scaling/decide.ts"
import { podFacts, sightingFacts } from "../../testing/podFacts.ts"
import { failuresOf, followBusy, type PlanInput, planPods, slowStart, steadyMs } from "./podPlan.ts"

const now = 1_000_000
const spec = (more: Record<string, unknown> = {}) => Schema.decodeUnknownSync(GpuPoolSpec)({ models: ["m"], maxReplicas: 8, ...more })

interface Agent {
  readonly pod: PodView
  readonly sighting: Sighting
}

/** A pod and what is known of the agent in it. */
const agent = (slot: number, phase: ReplicaPhase | "pending", more: Partial<PodView> = {}, seen: Partial<Sighting> = {}): Agent => {
  const name = `p-${slot}-x`
  const isReady = phase === "idle" || phase === "busy" || phase === "draining"
  return {
    pod: podFacts(name, now, {
      uid: `u${slot}`, slot, revision: "new", runningSince: phase === "pending" ? undefined : now, terminating: phase === "stopping", ...more
    }),
    sighting: sightingFacts(name, now, {
      phase: phase === "pending" ? "starting" : phase, busy: phase === "busy", readyAt: isReady ? now : undefined,
      heardAt: isReady ? now : undefined, revision: more.revision ?? "new", ...seen
    })
  }
}

const plan = (agents: ReadonlyArray<Agent>, more: Partial<PlanInput> = {}) => {
  const planned = planPods({
    pool: "p",
    spec: spec(),
    revision: "new",
    pods: agents.map(({ pod }) => pod),
    sightings: agents.map(({ sighting }) => sighting),
    broken: [],
    decision: { create: 0, desired: 0, remove: [] },
    allowed: Number.POSITIVE_INFINITY,
    failing: false,
    before: () => "before",
    unseenWrites: 0,
    settled: true,
    isBlind: false,
    busySince: new Map(),
    now,
    ...more
  })
  return {
    create: planned.create.map(({ slot }) => slot),
    names: planned.create.map(({ name }) => name),
    remove: planned.remove.map(({ pod }) => pod.slot),
    ask: planned.ask.map(({ pod }) => pod.slot),
    label: planned.label.map(({ busy, pod }) => [pod.slot, busy]),
    removals: planned.remove
  }
}
const removing = (...slots: ReadonlyArray<number>) => ({ decision: { create: 0, desired: 0, remove: slots.map((slot) => `p-${slot}-x`) } })
const creating = (create: number) => ({ decision: { create, desired: 0, remove: [] } })
const held = { reason: "Unschedulable", message: "no GPU" } as const

describe("planPods: creating", () => {
  it("all that is wanted in one step, in the lowest free slots", () => {
    assert.deepStrictEqual(plan([], creating(3)).create, [0, 1, 2])
    assert.deepStrictEqual(plan([agent(1, "idle"), agent(3, "stopping")], creating(3)).create, [0, 2, 4])
  })

  it("names follow the slot and the pod last seen in it", () => {
    const seen = plan([], { ...creating(2), before: (slot) => `uid-${slot}` })
    assert.deepStrictEqual(seen.names, [podName("p", 0, "uid-0"), podName("p", 1, "uid-1")])
  })

  it("no more than the backoff allows", () => {
    assert.deepStrictEqual(plan([], { ...creating(3), allowed: 1 }).create, [0])
    assert.deepStrictEqual(plan([], { ...creating(3), allowed: 0 }).create, [])
  })

  it("nothing while own writes are unseen, and nothing is deleted or asked either", () => {
    const blind = plan([agent(0, "idle"), agent(1, "pending"), agent(2, "idle", { ended: { why: "x", disrupted: false } })], {
      decision: { create: 1, desired: 0, remove: ["p-0-x", "p-1-x"] },
      unseenWrites: 1
    })
    assert.deepStrictEqual([blind.create, blind.remove, blind.ask], [[], [], []])
  })
})

describe("planPods: who goes", () => {
  it("a running agent is asked, one without a process is deleted", () => {
    const seen = plan([agent(0, "idle"), agent(1, "pending"), agent(2, "starting"), agent(3, "pending", { held })], removing(0, 1, 2, 3))
    assert.deepStrictEqual([seen.remove, seen.ask], [[1, 3], [0, 2]])
  })

  it("nobody that runs before it is known who lives", () => {
    const seen = plan([agent(0, "idle"), agent(1, "pending")], { ...removing(0, 1), settled: false })
    assert.deepStrictEqual([seen.remove, seen.ask], [[1], []])
  })

  it("not those that already go", () => {
    assert.deepStrictEqual(plan([agent(0, "stopping")], removing(0)).ask, [])
  })

  it("unschedulable and gated pods are held: no one else is created or deleted for them", () => {
    const seen = plan([agent(0, "pending", { held }), agent(1, "pending", { held: { reason: "SchedulingGated", message: "" } })])
    assert.deepStrictEqual([seen.create, seen.remove, seen.ask], [[], [], []])
    const broken = [{ id: "p-0-x", why: "it was not ready", silent: false }]
    assert.deepStrictEqual(plan([agent(0, "pending", { held })], { broken }).remove, [])
  })
})

describe("planPods: what failed", () => {
  const ended = { why: "UnexpectedAdmissionError", disrupted: false }

  it("ended pods and useless ones are reaped, the latter not while pool does not scale in", () => {
    const agents = [agent(0, "stopping", { terminating: false, ended }), agent(1, "idle"), agent(2, "busy")]
    const broken = [{ id: "p-1-x", why: "it reports DEFUNCT", silent: false }]
    assert.deepStrictEqual(plan(agents, { broken }).remove, [0, 1])
    assert.deepStrictEqual(plan(agents, { broken, spec: spec({ paused: "In" }) }).remove, [0])
  })

  it("a silent one gets a short grace: nothing that it still does can count", () => {
    const broken = [{ id: "p-0-x", why: "nothing was heard", silent: true }]
    assert.deepInclude(plan([agent(0, "idle")], { broken }).removals[0], { graceS: 30, failed: false })
  })

  it("counts those that ended by themselves, once each, and neither evictions, nor lost nodes, nor those that were told to go", () => {
    const agents = [
      agent(0, "stopping", { terminating: false, ended }),
      agent(1, "stopping", { terminating: false, ended: { why: "Evicted", disrupted: true } }),
      agent(2, "idle"),
      agent(3, "idle"),
      agent(4, "idle", { terminating: true }),
      agent(5, "pending", { held }),
      agent(6, "stopping", { ended: { why: "exit code 0: Completed", disrupted: false } })
    ]
    const broken = [2, 4, 5].map((slot) => ({ id: `p-${slot}-x`, why: "DEFUNCT", silent: false }))
    const failures = failuresOf({ pods: agents.map(({ pod }) => pod), broken: [...broken, { id: "p-3-x", why: "silence", silent: true }] })
    assert.deepStrictEqual(failures.map(({ pod }) => pod.slot), [0, 2])
  })
})

describe("planPods: a changed spec", () => {
  const old = { revision: "old" }

  it("those that never got ready go at once, ready ones some at a time: idle before busy, longest first", () => {
    const agents = [
      agent(0, "busy", old, { since: now - 9_000 }),
      agent(1, "idle", old, { since: now - 1_000 }),
      agent(2, "idle", old, { since: now - 5_000 }),
      agent(3, "pending", old),
      agent(4, "pending", { ...old, held })
    ]
    const seen = plan(agents)
    assert.deepStrictEqual([seen.remove, seen.ask], [[3, 4], [2]])
  })

  it("a busy one is only asked, so that it takes no job after this one", () => {
    assert.deepStrictEqual(plan([agent(0, "busy", old)]).ask, [0])
    assert.deepStrictEqual(plan([agent(0, "busy", old)]).remove, [])
  })

  it("one that was asked is asked on, not another one", () => {
    const agents = [agent(0, "idle", old), agent(1, "draining", old, { busy: true })]
    assert.deepStrictEqual(plan(agents).ask, [1])
  })

  it("a quarter of many at once", () => {
    const agents = Array.from({ length: 8 }, (_, slot) => agent(slot, "idle", old))
    assert.strictEqual(plan(agents).ask.length, 2)
  })

  it("takes no pod away while nobody can read the queue: it would not be replaced", () => {
    assert.deepStrictEqual(plan([agent(0, "pending", old)]).remove, [0])
    assert.deepStrictEqual(plan([agent(0, "pending", old)], { isBlind: true }).remove, [])
  })

  it("waits while the new revision starts, fails, is wanted, or nobody knows who lives", () => {
    const idle = agent(0, "idle", old)
    assert.deepStrictEqual(plan([idle, agent(1, "starting")]).ask, [])
    assert.deepStrictEqual(plan([idle], { failing: true }).ask, [])
    assert.deepStrictEqual(plan([idle], creating(1)).ask, [])
    assert.deepStrictEqual(plan([idle], { settled: false }).ask, [])
    for (const paused of ["All", "In", "Out"]) assert.deepStrictEqual(plan([idle], { spec: spec({ paused }) }).ask, [], paused)
    assert.deepStrictEqual(plan([idle, agent(1, "idle")]).ask, [0])
  })

  it("waits while one that went still has its successor's place", () => {
    const agents = [agent(0, "idle", old), agent(1, "idle", old), agent(2, "stopping", old)]
    assert.deepStrictEqual(plan(agents, { decision: { create: 0, desired: 3, remove: [] } }).ask, [])
    assert.deepStrictEqual(plan(agents, { decision: { create: 0, desired: 2, remove: [] } }).ask, [0])
    const many = Array.from({ length: 11 }, (_, slot) => agent(slot, "idle", old))
    assert.strictEqual(plan(many, { decision: { create: 0, desired: 12, remove: [] } }).ask.length, 1)
  })

  it("one new pod without a node may wait for the old one's GPU; two say that the new spec fits nowhere", () => {
    const waiting = (slot: number) => agent(slot, "pending", { held })
    assert.deepStrictEqual(plan([agent(0, "idle", old), waiting(1)]).ask, [0])
    assert.deepStrictEqual(plan([agent(0, "idle", old), waiting(1), waiting(2)]).ask, [])
  })
})

describe("planPods: paused All", () => {
  it("writes nothing at all", () => {
    const agents = [agent(0, "idle", { revision: "old" }), agent(1, "stopping", { terminating: false, ended: { why: "x", disrupted: false } })]
    const seen = plan(agents, {
      spec: spec({ paused: "All" }),
      decision: { create: 2, desired: 0, remove: ["p-0-x"] },
      busySince: new Map([["p-0-x", { busy: true, since: 0 }]])
    })
    assert.deepStrictEqual([seen.create, seen.remove, seen.ask, seen.label], [[], [], [], []])
  })
})

describe("the busy label", () => {
  const busySince = (busy: boolean, forMs: number) => ({ busySince: new Map([["p-0-x", { busy, since: now - forMs }]]) })

  it("changes only after half a minute of the same", () => {
    assert.deepStrictEqual(plan([agent(0, "busy")], busySince(true, steadyMs - 1)).label, [])
    assert.deepStrictEqual(plan([agent(0, "busy")], busySince(true, steadyMs)).label, [[0, true]])
    assert.deepStrictEqual(plan([agent(0, "busy", { busyLabelled: true })], busySince(true, steadyMs)).label, [])
    assert.deepStrictEqual(plan([agent(0, "idle", { busyLabelled: true })], busySince(false, steadyMs)).label, [[0, false]])
    assert.deepStrictEqual(plan([agent(0, "idle")], busySince(false, steadyMs)).label, [])
    assert.deepStrictEqual(plan([agent(0, "stopping")], busySince(true, steadyMs)).label, [])
  })

  it("short jobs, one after another, are no steady state", () => {
    let seen: PlanInput["busySince"] = new Map()
    for (let second = 0; second < 120; second++) {
      seen = followBusy(seen, [agent(0, second % 4 === 0 ? "idle" : "busy").sighting], second * 1_000)
      assert.isBelow(second * 1_000 - seen.get("p-0-x")!.since, steadyMs)
    }
    const first = followBusy(new Map(), [agent(0, "busy").sighting], 5)
    assert.deepStrictEqual(followBusy(first, [agent(0, "busy").sighting], 9), first)
    assert.strictEqual(followBusy(first, [], 9).size, 0)
  })
})

describe("slowStart", () => {
  it("1, 2, 4, … and what is left", () => {
    assert.deepStrictEqual(slowStart([1, 2, 3, 4, 5, 6, 7, 8, 9]), [[1], [2, 3], [4, 5, 6, 7], [8, 9]])
    assert.deepStrictEqual(slowStart([]), [])
  })
})
