import { assert, describe, layer } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Presence } from "../../src/platform/nats/Presence.ts"
import { Signals } from "../../src/platform/nats/Signals.ts"
import { writeNoopModels } from "../../src/testing/noopModels.ts"
import { agentInProcess, change, live, newPoolOf, recordOf, rig, submit, until, untilState, untilStep } from "./agentRig.ts"

/** Agents of one pool with several models: who takes which job. */

const modelsDir = writeNoopModels(mkdtempSync(join(tmpdir(), "darkroom-agent-models-")), {
  // An hour to load, so that nobody who has it not takes its job while somebody else has it.
  left: { load_time_ms: 3_600_000 },
  right: { load_time_ms: 3_600_000 },
  quick: { load_time_ms: 500 }
})

const agentWith = (pool: string, ...models: ReadonlyArray<string>) => agentInProcess(pool, { modelsDir, worker: { models } })

/** Each hears of the other, with its models. */
const known = (pool: string, agents: number) =>
  until("agents heard", Presence.use((presence) => presence.alive(pool)), (alive) =>
    alive.length === agents && alive.every(({ models_loaded }) => models_loaded.length > 0))

const agentOf = (job: string) => Effect.map(recordOf(job), ({ agent }) => agent)

layer(rig, live)("several models", (it) => {
  describe("a job", () => {
    it.effect("goes to the agent that has its model in memory, also when that one is busy and the other is not", () =>
      Effect.gen(function*() {
        const pool = yield* newPoolOf("left", "right")
        const left = yield* agentWith(pool, "left", "right")
        const right = yield* agentWith(pool, "right", "left")
        yield* known(pool, 2)
        for (const [model, agent] of [["left", left.agent], ["right", right.agent], ["left", left.agent]] as const) {
          const jobs = [yield* submit(pool, "steps=30 ms=50 size=4x4", { model })]
          yield* untilStep(jobs[0]!, 1)
          jobs.push(yield* submit(pool, "steps=1 size=4x4", { model }))
          for (const job of jobs) {
            yield* untilState(job, "completed")
            assert.strictEqual(yield* agentOf(job), agent, model)
          }
        }
      }))

    it.effect("goes to another agent once the one that has its model was busy for as long as a load takes", () =>
      Effect.gen(function*() {
        const pool = yield* newPoolOf("left", "quick")
        const left = yield* agentWith(pool, "left", "quick")
        const quick = yield* agentWith(pool, "quick", "left")
        yield* known(pool, 2)
        const long = yield* submit(pool, "steps=10000 ms=20", { model: "quick" })
        yield* untilStep(long, 1)
        assert.strictEqual(yield* agentOf(long), quick.agent)
        const next = yield* submit(pool, "steps=1 size=4x4", { model: "quick" })
        yield* untilState(next, "completed")
        assert.strictEqual(yield* agentOf(next), left.agent)
        assert.strictEqual((yield* recordOf(long)).state, "processing")
        yield* change(long, { _tag: "Cancel", at: new Date().toISOString() })
      }))

    it.effect("waits for no other agent when none has its model, and tells how its load goes on", () =>
      Effect.gen(function*() {
        const pool = yield* newPoolOf("left", "right")
        const { agent, report } = yield* agentWith(pool, "left", "right")
        const job = crypto.randomUUID()
        // On the connection that submits, so that the broker knows of the listener before the job.
        const listening = yield* Signals.use((signals) =>
          signals.progressOf(job).pipe(Stream.takeUntil(({ phase, step }) => phase === "running" && step === 1), Stream.runCollect)
        ).pipe(Effect.forkChild({ startImmediately: true }))
        yield* submit(pool, "steps=1 size=4x4", { model: "right", job_id: job })
        yield* untilState(job, "completed")
        assert.strictEqual(yield* agentOf(job), agent)
        assert.deepStrictEqual((yield* report).models_loaded, ["left", "right"])
        const told = (yield* Fiber.join(listening)).map(({ loading, phase }) => [phase, loading?.part, loading?.graphs_loaded])
        assert.deepStrictEqual(told, [
          ["loading", undefined, 0], ["loading", "step", 0], ["loading", undefined, 1], ["running", undefined, undefined], ["running", undefined, undefined]
        ])
      }))

    it.effect("of a model that is not usable here fails with the reason, and the others are served", () =>
      Effect.gen(function*() {
        const pool = yield* newPoolOf("left", "nothing")
        const { report } = yield* agentWith(pool, "left", "nothing")
        const job = yield* submit(pool, "x", { model: "nothing" })
        const { error } = yield* untilState(job, "failed")
        assert.strictEqual(error?.class, "model_error")
        assert.include(error?.message, "There is no model nothing")
        assert.include((yield* report).messages.join(), "There is no model nothing")
        yield* untilState(yield* submit(pool, "steps=1 size=4x4", { model: "left" }), "completed")
      }))
  })
})
