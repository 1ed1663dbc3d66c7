import { assert, describe, it } from "@effect/vitest"
import type { Progress } from "../../contract/AgentMessages.ts"
import type { JobRecord, JobState } from "../../contract/Job.ts"
import type { EventName } from "../../contract/subjects.ts"
import { jobEvent, jobRecord } from "../../testing/records.ts"
import { advance, initialState, type StreamInput, type StreamState } from "./frames.ts"

const stored = (sequence: number, name: EventName, state: JobState, overrides: Partial<JobRecord> = {}): StreamInput => ({
  _tag: "Stored",
  stored: { sequence, storedAt: new Date(0), event: jobEvent(name, jobRecord({ state, ...overrides })) }
})

const progress = (attempt: number, step: number): StreamInput => ({
  _tag: "Progress",
  progress: { job_id: jobRecord().job_id, attempt, phase: "running", step, steps: 4, at: "2026-01-02T03:04:05.000Z" } satisfies Progress
})

const position = (position: number): StreamInput => ({ _tag: "Position", position })

/** The names of the events that a run of inputs sends, with ids. */
const sent = (inputs: ReadonlyArray<StreamInput>, from = initialState(0, { state: "queued", attempt: 0 })) => {
  let state: StreamState = from
  const names: Array<string> = []
  for (const input of inputs) {
    const step = advance(state, input)
    state = step.state
    const event = /^event: (.*)$/m.exec(step.text)?.[1]
    const id = /^id: (.*)$/m.exec(step.text)?.[1]
    if (event !== undefined) names.push(id === undefined ? event : `${event}#${id}`)
  }
  return { names, state }
}

const started = (sequence: number, attempt: number) => stored(sequence, "started", "processing", { attempt })

describe("advance", () => {
  it("log events carry their sequence, steps and positions nothing", () => {
    const { names, state } = sent([
      stored(1, "queued", "queued"), position(2), started(4, 1), progress(1, 1), stored(9, "completed", "completed", { attempt: 1 })
    ])
    assert.deepStrictEqual(names, ["queued#1", "position", "started#4", "step", "completed#9"])
    assert.isTrue(state.done)
  })
  it("nothing is sent twice, nothing older than what was sent", () => {
    assert.deepStrictEqual(sent([stored(5, "queued", "queued"), stored(5, "queued", "queued"), stored(3, "queued", "queued")]).names, ["queued#5"])
    assert.deepStrictEqual(sent([stored(5, "queued", "queued")], initialState(5, { state: "queued", attempt: 0 })).names, [])
  })
  it("nothing follows the end", () => {
    const { names } = sent([stored(1, "cancelled", "cancelled"), stored(2, "queued", "queued"), position(1), progress(1, 1)])
    assert.deepStrictEqual(names, ["cancelled#1"])
  })
  it("steps of an earlier attempt, or while it is queued, are not shown", () => {
    assert.deepStrictEqual(sent([progress(1, 1), started(2, 2), progress(1, 3), progress(2, 1)]).names, ["started#2", "step"])
  })
  it("a step tells what is being loaded", () => {
    const running = initialState(7, { state: "processing", attempt: 1 })
    const told = (more: Partial<Progress>) => {
      const { progress: plain } = progress(1, 1) as Extract<StreamInput, { _tag: "Progress" }>
      const { text } = advance(running, { _tag: "Progress", progress: { ...plain, ...more } })
      return JSON.parse(/^data: (.*)$/m.exec(text)![1]!)
    }
    const { job_id } = jobRecord()
    assert.deepStrictEqual(told({}), { job_id, attempt: 1, phase: "running", step: 1, steps: 4 })
    const loading = { model: "m", part: "unet", graphs_loaded: 1, graphs: 4, bytes_loaded: 10, bytes: 100 }
    assert.deepInclude(told({ phase: "loading", loading }), { phase: "loading", loading })
  })
  it("a stream opened in the middle shows the steps of the attempt that runs", () => {
    assert.deepStrictEqual(sent([progress(2, 3)], initialState(7, { state: "processing", attempt: 2 })).names, ["step"])
  })
  it("a position is told when it changes, and only while the job waits", () => {
    assert.deepStrictEqual(sent([position(3), position(3), position(2), started(1, 1), position(1)]).names, ["position", "position", "started#1"])
  })
  it("a job that was given back is queued again", () => {
    assert.deepStrictEqual(sent([started(1, 1), stored(2, "released", "queued"), position(0)]).names, ["started#1", "queued#2", "position"])
  })
  it("a deleted job ends the stream without a word", () => {
    const { names, state } = sent([stored(3, "deleted", "deleted")])
    assert.deepStrictEqual([names, state.done], [[], true])
  })
  it("an event type of a newer version is passed over", () => {
    const input = stored(3, "queued", "queued") as Extract<StreamInput, { _tag: "Stored" }>
    const newer = { ...input, stored: { ...input.stored, event: { ...input.stored.event, type: "dev.darkroom.job.paused.v1" } } }
    const { names, state } = sent([newer])
    assert.deepStrictEqual([names, state.lastSequence, state.done], [[], 3, false])
  })
})

describe("the text of a job", () => {
  const wrote = (attempt: number, text: string): StreamInput => ({
    _tag: "Progress",
    progress: { job_id: jobRecord().job_id, attempt, phase: "running", step: text.length, steps: 100, at: "2026-01-02T03:04:05.000Z", text }
  })
  const ended = (sequence: number, text: string) =>
    stored(sequence, "completed", "completed", { attempt: 1, kind: "text", output: { images: [], text, finish_reason: "stop" } })
  /** Each text event, and the names of the others but `step`. */
  const heard = (inputs: ReadonlyArray<StreamInput>, from?: StreamState) => {
    let state = from ?? initialState(0, { state: "queued", attempt: 0 })
    const all: Array<string> = []
    for (const input of inputs) {
      const step = advance(state, input)
      state = step.state
      for (const frame of step.text.split("\n\n").filter((frame) => frame !== "")) {
        const name = /^event: (.*)$/m.exec(frame)?.[1] ?? ""
        const data = JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? "null")
        if (name === "text") assert.notInclude(frame, "id:")
        if (name === "step") assert.notProperty(data, "text")
        else all.push(name === "text" ? `+${data.text}` : name)
      }
    }
    return all
  }

  it("is sent as what was added, and whole at the end", () => {
    assert.deepStrictEqual(
      heard([started(1, 1), wrote(1, "Why"), wrote(1, "Why did"), wrote(1, "Why did"), ended(2, "Why did it?")]),
      ["started", "+Why", "+ did", "+ it?", "completed"]
    )
  })
  it("is not taken back by a message that comes late", () =>
    assert.deepStrictEqual(heard([started(1, 1), wrote(1, "Why did"), wrote(1, "Why"), ended(2, "Why did")]), ["started", "+Why did", "completed"]))
  it("begins anew with the attempt", () =>
    assert.deepStrictEqual(heard([started(1, 1), wrote(1, "Why"), started(2, 2), wrote(1, "Why did"), wrote(2, "Wh")]), ["started", "+Why", "started", "+Wh"]))
  it("comes whole on a new stream, while the job runs and after it", () => {
    assert.deepStrictEqual(heard([wrote(1, "Why did")], initialState(5, { state: "processing", attempt: 1 })), ["+Why did"])
    assert.deepStrictEqual(heard([ended(6, "Why did it?")], initialState(5, { state: "completed", attempt: 1 })), ["+Why did it?", "completed"])
  })
})
