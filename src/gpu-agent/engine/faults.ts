import { Effect } from "effect"
import { OnnxError, type Session } from "../onnx/session.ts"
import type { OnStep } from "../pipelines/Pipeline.ts"

/**
 * Running out of memory or slowly on request, with a model of any family: for tests, and only where test models are
 * allowed. As words anywhere in the prompt, at step k (1 = the first):
 * `oom_at=k` takes memory until the process is stopped at its limit · `alloc_fails_at=k` ONNX Runtime cannot allocate,
 * as on a GPU that is full · `slow_ms=k` every run of a graph takes so much longer.
 */
export interface Faults {
  /** Before each run. */
  readonly begin: (prompt: string) => void
  readonly onStep: OnStep
  readonly session: (session: Session, graph: string) => Session
}

const blockBytes = 32 * 1024 * 1024
/** Where an allocator would give up if nobody stopped the process. */
const takenMaxBytes = 2 * 1024 ** 3

const numberOf = (prompt: string, word: string): number | undefined => {
  const number = new RegExp(`(?:^|\\s)${word}=(\\d{1,6})(?:\\s|$)`).exec(prompt)?.[1]
  return number === undefined ? undefined : Number(number)
}

const takeMemory = Effect.fnUntraced(function*(memoryMaxBytes: number) {
  const blocks: Array<Uint8Array> = []
  const limitBytes = Math.min(takenMaxBytes, memoryMaxBytes * 2)
  while (blocks.length * blockBytes < limitBytes) {
    blocks.push(new Uint8Array(blockBytes).fill(1))
    yield* Effect.sleep("10 millis")
  }
})

export const noFaults: Faults = { begin: () => {}, onStep: () => Effect.void, session: (session) => session }

export const makeFaults = (memoryMaxBytes: number): Faults => {
  let oomAt: number | undefined
  let allocationFailsAt: number | undefined
  let allocates = true
  let slowMs = 0
  const allocationFailure = (graph: string) =>
    new OnnxError({ stage: "run", graph, cause: new Error("Failed to allocate memory for requested buffer, because the prompt said so") })
  return {
    begin: (prompt) => {
      oomAt = numberOf(prompt, "oom_at")
      allocationFailsAt = numberOf(prompt, "alloc_fails_at")
      allocates = true
      slowMs = numberOf(prompt, "slow_ms") ?? 0
    },
    onStep: Effect.fnUntraced(function*(step) {
      const next = step + 1
      if (next === oomAt) yield* takeMemory(memoryMaxBytes)
      if (next === oomAt || next === allocationFailsAt) allocates = false
    }),
    session: (session, graph) => ({
      ...session,
      run: (inputs) =>
        Effect.suspend(() => {
          if (!allocates) return Effect.fail(allocationFailure(graph))
          return slowMs === 0 ? session.run(inputs) : Effect.delay(session.run(inputs), slowMs)
        })
    })
  }
}
