import { execFileSync } from "node:child_process"
import { Effect } from "effect"
import { chooseProvider } from "../../src/gpu-agent/onnx/provider.ts"

/** The GPU of this machine, if graphs really run on it; these tests are skipped, by name, where they do not. */
interface Card {
  readonly name: string
  readonly memoryMiB: number
}

const query = (fields: string): ReadonlyArray<string> =>
  execFileSync("nvidia-smi", [`--query-gpu=${fields}`, "--format=csv,noheader,nounits"], { encoding: "utf8" }).trim().split("\n")[0]!.split(", ")

export const memoryUsedMiB = (): number => Number(query("memory.used")[0])

const find = Effect.gen(function*() {
  const probed = yield* Effect.result(chooseProvider("cuda", 1))
  if (probed._tag === "Failure") return undefined
  const [name, memory] = query("name,memory.total")
  return { name: name ?? "?", memoryMiB: Number(memory) } satisfies Card
})

export const card: Card | undefined = await Effect.runPromise(find)
