import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import type { Session, Tensor } from "../../src/gpu-agent/onnx/session.ts"

/** What the graphs of a pipeline cost, and what they were given. */
export interface GraphClock {
  ms: number
  runs: number
  readonly calls: Array<{ readonly graph: string; readonly inputs: Readonly<Record<string, Tensor>> }>
  /** Only while this is set are inputs kept. */
  keep: boolean
}

export const newClock = (): GraphClock => ({ ms: 0, runs: 0, calls: [], keep: false })

export const timed = (session: Session, graph: string, clock: GraphClock): Session => ({
  ...session,
  run: (inputs, ...rest) =>
    Effect.suspend(() => {
      if (clock.keep) clock.calls.push({ graph, inputs: copied(inputs) })
      const begun = performance.now()
      return Effect.ensuring(session.run(inputs, ...rest), Effect.sync(() => {
        clock.ms += performance.now() - begun
        clock.runs++
      }))
    })
})

/** A pipeline may write its next step into the same array. */
const copied = (inputs: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, new (tensor.constructor as typeof Tensor)(tensor.type as "float32", (tensor.data as Float32Array).slice(), tensor.dims)]))

/** For graphs.py: every call in its order, the inputs as raw bytes. */
export const writeCalls = (folder: string, clock: GraphClock): void => {
  mkdirSync(folder, { recursive: true })
  const calls = clock.calls.map(({ graph, inputs }, call) => ({
    graph,
    inputs: Object.entries(inputs).map(([name, { data, dims, type }]) => {
      const file = `${call}-${name.replaceAll(/[^\w.]/g, "_")}.bin`
      const { buffer, byteLength, byteOffset } = data as Float32Array
      writeFileSync(join(folder, file), new Uint8Array(buffer, byteOffset, byteLength))
      return { name, type, dims, file }
    })
  }))
  writeFileSync(join(folder, "calls.json"), JSON.stringify(calls))
}
