import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { freePort } from "../../src/testing/NatsServer.ts"
import { agentProcess, eventsOf, live, newPool, recordOf, rig, shortenAckWait, submit, until, untilNoWork, untilState, untilStep } from "./agentRig.ts"

/** The agent as the program that it is: killed, paused, asked to end. */

/** Longer than the silence after which an owner counts as lost. */
const ackWaitSeconds = 8
const takeOverSeconds = 40

/** Two agents, and a job that one of them runs. */
const twoAgents = Effect.fnUntraced(function*(prompt: string) {
  const pool = yield* newPool
  yield* shortenAckWait(pool, ackWaitSeconds)
  const both = yield* Effect.all([agentProcess(pool), agentProcess(pool)], { concurrency: 2 })
  const job = yield* submit(pool, prompt)
  const { agent } = yield* untilState(job, "processing")
  yield* untilStep(job, 3)
  const [owner, other] = both[0].agent === agent ? both : [both[1], both[0]]
  return { pool, job, owner, other }
})

layer(rig, live)("an agent's process", (it) => {
  it.effect("rule 2: killed with a job in hand, another agent takes over with the next attempt", () =>
    Effect.gen(function*() {
      const { job, other, owner, pool } = yield* twoAgents("steps=100 ms=20 size=4x4")
      yield* owner.signal("SIGKILL")
      const record = yield* untilState(job, "completed", takeOverSeconds)
      assert.deepInclude(record, { agent: other.agent, attempt: 2, attempts_counted: 2 })
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "started", "completed"])
      yield* untilNoWork(pool)
    }), 90_000)

  it.effect("rule 3: paused, taken over and woken again, it is refused and says nothing", () =>
    Effect.gen(function*() {
      const { job, other, owner: zombie, pool } = yield* twoAgents("steps=100 ms=20 size=4x4")
      yield* zombie.signal("SIGSTOP")
      yield* until("taken over", recordOf(job), (record) => record.agent === other.agent, takeOverSeconds)
      yield* zombie.signal("SIGCONT")
      const record = yield* untilState(job, "completed")
      assert.deepInclude(record, { agent: other.agent, attempt: 2 })
      yield* until("the zombie is itself again", zombie.heard, (heartbeat) => heartbeat?.state === "READY")
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "started", "completed"])
      yield* untilNoWork(pool)
    }), 90_000)

  it.effect("SIGTERM: a job longer than the grace time is given back uncounted, at once, and the exit code is 0", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const first = yield* agentProcess(pool, { AGENT_GRACE: "300ms" })
      const job = yield* submit(pool, "steps=1000 ms=20")
      yield* untilStep(job, 2)
      yield* first.signal("SIGTERM")
      assert.strictEqual(yield* first.exited, 0)
      const record = yield* recordOf(job)
      assert.deepInclude(record, { state: "queued", attempt: 1, attempts_counted: 0 })
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "released"])
      yield* agentProcess(pool)
      const again = yield* untilState(job, "processing", 10)
      assert.deepInclude(again, { attempt: 2, attempts_counted: 1 })
    }))

  it.effect("SIGTERM: a job within the grace time is finished first; a second signal changes nothing", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const agent = yield* agentProcess(pool)
      const job = yield* submit(pool, "steps=60 ms=20 size=4x4")
      yield* untilStep(job, 2)
      yield* agent.signal("SIGTERM")
      const waiting = yield* submit(pool, "steps=1")
      yield* agent.signal("SIGTERM")
      assert.strictEqual(yield* agent.exited, 0)
      assert.deepStrictEqual(yield* eventsOf(job), ["queued", "started", "completed"])
      assert.deepStrictEqual(yield* eventsOf(waiting), ["queued"])
    }))

  it.effect("that cannot serve says why, claims nothing and is not ready, yet lives", () =>
    Effect.gen(function*() {
      const cases = [
        { env: { DARKROOM_DEVICE: "cuda", CUDA_VISIBLE_DEVICES: "-1" }, why: "DARKROOM_DEVICE=cpu" },
        { env: { DARKROOM_MODELS: "nothing,noop" }, why: "There is no model nothing" }
      ]
      for (const { env, why } of cases) {
        const pool = yield* newPool
        const port = yield* Effect.promise(() => freePort())
        const job = yield* submit(pool, "steps=1")
        const agent = yield* agentProcess(pool, { AGENT_HEALTH_PORT: String(port), ...env }, ["SETUP_FAILED"])
        const get = (path: string) => Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`))
        const ready = yield* get("/readyz")
        assert.strictEqual(ready.status, 503)
        assert.include(yield* Effect.promise(() => ready.text()), why)
        assert.strictEqual((yield* get("/livez")).status, 200)
        assert.deepStrictEqual(yield* eventsOf(job), ["queued"])
        yield* agent.signal("SIGTERM")
        assert.strictEqual(yield* agent.exited, 0)
      }
    }))

  it.effect("answers health while a model runs", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const port = yield* Effect.promise(() => freePort())
      yield* agentProcess(pool, { AGENT_HEALTH_PORT: String(port) })
      const get = (path: string) =>
        Effect.promise(async () => {
          const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(1_000) })
          return { status: response.status, state: response.ok || response.status === 503 ? (await response.json() as { state: string }).state : "" }
        })
      assert.deepStrictEqual(yield* get("/readyz"), { status: 200, state: "READY" })
      // One step that blocks the engine for longer than all the requests take.
      const job = yield* submit(pool, "steps=1 ms=3000 size=4x4")
      yield* untilStep(job, 0)
      for (let i = 0; i < 20; i++) {
        assert.deepStrictEqual(yield* get("/readyz"), { status: 200, state: "BUSY" })
        assert.strictEqual((yield* get("/livez")).status, 200)
      }
      assert.strictEqual((yield* get("/nothing")).status, 404)
      yield* untilState(job, "completed")
    }))

  it.effect("a killed agent takes its engine with it, even one that hangs", () =>
    Effect.gen(function*() {
      const pool = yield* newPool
      const agent = yield* agentProcess(pool)
      const job = yield* submit(pool, "steps=3 hang_at=2")
      yield* untilStep(job, 1)
      const engines = childrenOf(agent.pid)
      assert.strictEqual(engines.length, 1)
      yield* agent.signal("SIGKILL")
      yield* until("engine gone", Effect.sync(() => engines.filter(isAlive)), (alive) => alive.length === 0, 10)
    }))
})

const childrenOf = (pid: number): ReadonlyArray<number> =>
  execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []))

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
