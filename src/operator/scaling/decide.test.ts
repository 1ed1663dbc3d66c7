import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { GpuPool, type GpuPoolSpec } from "../../contract/GpuPool.ts"
import { decide, initialMemory, type Memory, type Observed, type Replica, type ReplicaPhase } from "./decide.ts"

const spec = (text: Record<string, unknown>): GpuPoolSpec =>
  Schema.decodeUnknownSync(GpuPool)({
    apiVersion: "darkroom.dev/v1alpha1",
    kind: "GpuPool",
    metadata: { name: "p" },
    spec: { models: ["m"], maxReplicas: 4, ...text }
  }).spec

const start = 1_000_000
const replica = (id: string, phase: ReplicaPhase, since = start): Replica => ({ id, phase, busy: phase === "busy", since })
const many = (count: number, phase: ReplicaPhase) =>
  Array.from({ length: count }, (_, index) => replica(`${phase}-${index}`, phase))
const depth = (depth: number): Observed["depth"] => ({ _tag: "Readable", depth })
const unreadable: Observed["depth"] = { _tag: "Unreadable", reason: "no leader" }
const fresh = (of: GpuPoolSpec): Memory => initialMemory(of, [], start)

describe("decide: how many", () => {
  it.each([
    ["nothing to do", {}, 0, 0, 0],
    ["the first job wakes the pool in one step", {}, 1, 0, 1],
    ["one replica a job", {}, 3, 0, 3],
    ["jobsPerReplica rounds up", { scaling: { jobsPerReplica: 4 } }, 5, 0, 2],
    ["never above maxReplicas", {}, 50, 0, 4],
    ["starting ones count", {}, 3, 2, 1],
    ["the floor without demand", { replicas: 2 }, 0, 0, 2],
    ["the floor is part of the demand, not on top", { replicas: 2 }, 2, 0, 2],
    ["a warm spare only while there is demand", { scaling: { warmSpare: 1 } }, 0, 0, 0],
    ["a warm spare on top of the demand", { scaling: { warmSpare: 1 } }, 2, 0, 3],
    ["External: the exact count, whatever the depth", { replicas: 2, scaling: { mode: "External" } }, 9, 0, 2],
    ["maxReplicas 0 means none", { maxReplicas: 0 }, 9, 0, 0],
    ["paused: no new one", { paused: "All" }, 3, 0, 0],
    ["paused Out: no new one", { paused: "Out" }, 3, 0, 0],
    ["paused In: new ones", { paused: "In" }, 3, 0, 3]
  ] as const)("%s", (...[, fields, jobs, starting, created]) => {
    const pool = spec(fields)
    const decision = decide(pool, { depth: depth(jobs), replicas: many(starting, "starting") }, fresh(pool), start)
    assert.strictEqual(decision.create, created)
    assert.strictEqual(decision.desired, starting + created)
  })

  it("says when the demand is above the maximum", () => {
    const pool = spec({ maxReplicas: 2 })
    assert.strictEqual(decide(pool, { depth: depth(9), replicas: many(2, "busy") }, fresh(pool), start).reason, "AtMaximum")
  })

  it("replicas that still stop take room, but are no capacity", () => {
    const pool = spec({ maxReplicas: 2 })
    const stopping = many(1, "stopping")
    assert.strictEqual(decide(pool, { depth: depth(2), replicas: stopping }, fresh(pool), start).create, 1)
  })
})

describe("decide: who goes", () => {
  const pool = spec({ scaling: { cooldown: "10s" } })
  const after = (of: GpuPoolSpec, replicas: ReadonlyArray<Replica>, elapsedMs: number, jobs = 0) => {
    const memory = initialMemory(of, replicas, start)
    return decide(of, { depth: depth(jobs), replicas }, memory, start + elapsedMs)
  }

  it("nobody before the cooldown, everybody above the floor after it", () => {
    assert.deepStrictEqual(after(pool, many(2, "idle"), 9_999).remove, [])
    assert.strictEqual(after(pool, many(2, "idle"), 9_999).reason, "Cooldown")
    assert.strictEqual(after(pool, many(2, "idle"), 10_000).remove.length, 2)
    assert.strictEqual(after(spec({ replicas: 1, scaling: { cooldown: "10s" } }), many(2, "idle"), 10_000).remove.length, 1)
  })

  it("the cooldown starts with the last demand, not with the idle time of one replica", () => {
    const replicas = many(2, "idle")
    const first = decide(pool, { depth: depth(2), replicas }, initialMemory(pool, replicas, start), start + 8_000)
    const second = decide(pool, { depth: depth(0), replicas }, first.memory, start + 17_000)
    assert.deepStrictEqual(second.remove, [])
    assert.strictEqual(decide(pool, { depth: depth(0), replicas }, second.memory, start + 18_000).remove.length, 2)
  })

  it("a new operator goes on with the cooldown where the last one stood, but never past it", () => {
    const replicas = many(2, "idle")
    const idleSince = start - 8_000
    const memory = initialMemory(pool, replicas, start, idleSince)
    assert.deepStrictEqual(decide(pool, { depth: depth(0), replicas }, memory, idleSince + 9_999).remove, [])
    assert.strictEqual(decide(pool, { depth: depth(0), replicas }, memory, idleSince + 10_000).remove.length, 2)
    assert.deepStrictEqual(decide(pool, { depth: depth(2), replicas }, memory, idleSince + 60_000).remove, [], "jobs that came meanwhile count")
    const ahead = initialMemory(pool, replicas, start, start + 60_000)
    assert.strictEqual(decide(pool, { depth: depth(0), replicas }, ahead, start + 10_000).remove.length, 2, "a clock that is ahead")
    const patient = spec({ scaling: { cooldown: "10s", lastPodRetention: "60s" } })
    const last = initialMemory(patient, many(1, "idle"), start, start - 59_999)
    assert.deepStrictEqual(decide(patient, { depth: depth(0), replicas: many(1, "idle") }, last, start).remove, [])
    assert.strictEqual(decide(patient, { depth: depth(0), replicas: many(1, "idle") }, last, start + 1).remove.length, 1)
  })

  it("the highest demand of the cooldown counts, also when it came after a lower one", () => {
    const replicas = many(3, "busy")
    let memory = initialMemory(pool, [], start)
    for (const [at, jobs] of [[1_000, 1], [2_000, 3], [3_000, 0]] as const) {
      memory = decide(pool, { depth: depth(jobs), replicas }, memory, start + at).memory
    }
    const idle = many(3, "idle")
    assert.deepStrictEqual(decide(pool, { depth: depth(0), replicas: idle }, memory, start + 10_500).remove, [])
    assert.strictEqual(decide(pool, { depth: depth(0), replicas: idle }, memory, start + 12_000).remove.length, 3)
  })

  it("a smaller demand keeps what it needs", () => {
    assert.strictEqual(after(pool, many(3, "idle"), 10_000, 1).remove.length, 2)
  })

  it("never a busy one; asked first, then starting, then the longest idle", () => {
    const replicas = [
      replica("a-young", "idle", start - 1_000),
      replica("busy", "busy", start - 9_000),
      replica("b-old", "idle", start - 8_000),
      replica("asked", "draining", start),
      replica("new", "starting", start),
      { ...replica("asked-but-busy", "draining", start), busy: true },
      replica("going", "stopping", start)
    ]
    assert.deepStrictEqual(after(spec({ maxReplicas: 9, scaling: { cooldown: "10s" } }), replicas, 10_000).remove, [
      "asked",
      "new",
      "b-old",
      "a-young"
    ])
  })

  it("the last replica stays for lastPodRetention", () => {
    const patient = spec({ scaling: { cooldown: "10s", lastPodRetention: "60s" } })
    assert.strictEqual(after(patient, many(3, "idle"), 10_000).remove.length, 2)
    assert.strictEqual(after(patient, many(1, "idle"), 59_999).remove.length, 0)
    assert.strictEqual(after(patient, many(1, "idle"), 60_000).remove.length, 1)
  })

  it("a lowered floor lets idle ones above max(floor, demand) go at once, and goes on meaning it", () => {
    const fields = { scaling: { cooldown: "300s", lastPodRetention: "900s" } }
    const replicas = many(3, "idle")
    const high = initialMemory(spec({ ...fields, replicas: 3 }), replicas, start)
    const one = decide(spec({ ...fields, replicas: 0 }), { depth: depth(1), replicas }, high, start + 1)
    assert.strictEqual(one.remove.length, 2)
    const none = decide(spec({ ...fields, replicas: 0 }), { depth: depth(0), replicas }, high, start + 1)
    assert.strictEqual(none.remove.length, 3)
    const asked = replicas.map((replica) => ({ ...replica, phase: "draining" as const }))
    assert.strictEqual(decide(spec({ ...fields, replicas: 0 }), { depth: depth(0), replicas: asked }, none.memory, start + 2).remove.length, 3)
  })

  it("a lowered maximum lets idle ones go at once and waits for busy ones", () => {
    const replicas = [...many(2, "busy"), ...many(1, "idle")]
    assert.deepStrictEqual(after(spec({ maxReplicas: 1 }), replicas, 1, 9).remove, ["idle-0"])
  })

  it("a job that comes while a replica drains calls it back", () => {
    const decision = after(pool, many(1, "draining"), 10_000, 1)
    assert.deepStrictEqual([decision.remove.length, decision.create], [0, 0])
  })

  it("External removes without a cooldown", () => {
    const external = spec({ replicas: 1, scaling: { mode: "External" } })
    assert.strictEqual(after(external, many(3, "idle"), 0).remove.length, 2)
  })

  it.each(["All", "In"])("paused %s: nobody goes", (paused) => {
    assert.deepStrictEqual(after(spec({ paused, scaling: { cooldown: "0s" } }), many(2, "idle"), 60_000).remove, [])
  })
})

describe("decide: when nobody knows the depth", () => {
  it("holds, however long", () => {
    const pool = spec({ scaling: { cooldown: "1s" } })
    const replicas = many(2, "idle")
    let memory = initialMemory(pool, replicas, start)
    for (let second = 1; second <= 100; second++) {
      const decision = decide(pool, { depth: unreadable, replicas }, memory, start + second * 1_000)
      assert.deepStrictEqual([decision.desired, decision.create, decision.remove.length], [2, 0, 0])
      memory = decision.memory
    }
  })

  it("still brings the floor, and the fallback after so many failures, but takes nothing away", () => {
    const pool = spec({ replicas: 1, scaling: { fallback: { afterFailures: 2, replicas: 3 } } })
    const first = decide(pool, { depth: unreadable, replicas: [] }, fresh(pool), start)
    assert.deepStrictEqual([first.create, first.reason], [1, "DepthUnreadable"])
    const second = decide(pool, { depth: unreadable, replicas: many(1, "idle") }, first.memory, start)
    assert.deepStrictEqual([second.create, second.reason], [2, "Fallback"])
    assert.deepStrictEqual(decide(pool, { depth: unreadable, replicas: many(4, "idle") }, second.memory, start).remove, [])
    const readable = decide(pool, { depth: depth(0), replicas: [] }, second.memory, start)
    assert.strictEqual(decide(pool, { depth: unreadable, replicas: [] }, readable.memory, start).reason, "DepthUnreadable")
  })
})

describe("decide: invariants", () => {
  const Case = Schema.Struct({
    max: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 })),
    floor: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 })),
    floorBefore: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 })),
    jobsPerReplica: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
    warmSpare: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
    mode: Schema.Literals(["Queue", "External"]),
    paused: Schema.Literals(["", "All", "In", "Out"]),
    phases: Schema.Array(
      Schema.Struct({
        phase: Schema.Literals(["starting", "idle", "busy", "draining", "stopping"]),
        busy: Schema.Boolean,
        idleForMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30_000 }))
      })
    ).check(Schema.isMaxLength(8)),
    depth: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })),
    extra: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })),
    elapsedMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30_000 }))
  })

  it.effect.prop("hold for any pool, fleet and depth", [Case], ([c]) =>
    Effect.sync(() => {
      const pool = spec({
        maxReplicas: c.max,
        replicas: Math.min(c.floor, c.max),
        paused: c.paused,
        scaling: { mode: c.mode, jobsPerReplica: c.jobsPerReplica, warmSpare: c.warmSpare, cooldown: "10s" }
      })
      const replicas = c.phases.map(({ busy, idleForMs, phase }, index): Replica => ({
        id: `r${index}`,
        phase,
        busy: phase === "busy" || (phase === "draining" && busy),
        since: start - idleForMs
      }))
      const memory = { ...initialMemory(pool, replicas, start), floor: c.floorBefore }
      const now = start + c.elapsedMs
      const at = (of: Observed["depth"]) => decide(pool, { depth: of, replicas }, memory, now)
      const live = replicas.filter((replica) => replica.phase !== "stopping")
      const busy = live.filter((replica) => replica.busy)

      for (const decision of [at(depth(c.depth)), at(unreadable)]) {
        const removed = replicas.filter((replica) => decision.remove.includes(replica.id))
        assert.isTrue(removed.every((replica) => !replica.busy && replica.phase !== "stopping"), "only idle ones go")
        assert.strictEqual(new Set(decision.remove).size, decision.remove.length, "nobody goes twice")
        assert.isTrue(decision.create === 0 || decision.remove.length === 0, "either more or fewer")
        assert.isTrue(decision.create === 0 || replicas.length + decision.create <= c.max, "never above maxReplicas")
        const left = live.length - removed.length + decision.create
        assert.isAtLeast(left, busy.length, "never fewer than busy")
        assert.isAtLeast(left, Math.min(pool.replicas, live.length), "the floor is not undercut")
        if (c.paused === "All") assert.strictEqual(left, live.length, "paused changes nothing")
      }
      const lower = at(depth(c.depth))
      const higher = at(depth(c.depth + c.extra))
      assert.isAtLeast(higher.desired, lower.desired, "more work never means fewer replicas")
      if (c.mode === "Queue") {
        assert.deepStrictEqual(at(unreadable).remove, [], "unreadable depth takes nothing away")
        if (c.paused === "" && c.max > 0) assert.isAtLeast(at(depth(1)).desired, 1, "a job wakes the pool")
      }
    }))
})
