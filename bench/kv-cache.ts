/**
 * What the key/value cache of a language model costs: milliseconds a token when it crosses to this process for each token
 * (the graph `decoder`), and when it does for each run of several (the graph `generate`), at several lengths of the cache.
 *
 *   python scripts/export/tiny/causal_lm_cache.py FOLDER && node bench/kv-cache.ts FOLDER [--precision fp16] [--threads 1]
 */
import { Effect } from "effect"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { openSession, type Session, Tensor } from "../src/gpu-agent/onnx/session.ts"
import { floatInput, int64Input } from "../src/gpu-agent/onnx/tensors.ts"
import { machine } from "./figures.ts"

const { positionals: [folder = "."], values } = parseArgs({
  allowPositionals: true,
  options: { precision: { type: "string", default: "fp16" }, threads: { type: "string", default: "1" } }
})
const layers = 32
const heads = 8
const headSize = 128
const lengths = [64, 512, 1024, 2048, 4000]
const runSizes = [1, 16, 64]
const stepTokens = 8

type Cache = Readonly<Record<string, Tensor>>

const names = Array.from({ length: layers }, (_, layer) => ["key", "value"].map((kind) => `${layer}.${kind}`)).flat()

const cacheOf = (session: Session, length: number): Cache =>
  Object.fromEntries(names.map((name) => {
    const past = `past_key_values.${name}`
    return [past, floatInput(session, past, new Float32Array(heads * length * headSize), [1, heads, length, headSize])]
  }))

const after = (outputs: Cache): Cache => Object.fromEntries(names.map((name) => [`past_key_values.${name}`, outputs[`present.${name}`]!]))

const scalar = (value: number) => new Tensor("float32", Float32Array.of(value), [])

const byStep = Effect.fnUntraced(function*(session: Session, length: number) {
  let cache = cacheOf(session, length)
  const startedMs = performance.now()
  for (let token = 1; token <= stepTokens; token++) {
    const seen = length + token
    const attention_mask = new Tensor("int64", new BigInt64Array(seen).fill(1n), [1, seen])
    cache = after(yield* session.run({ input_ids: int64Input([5], [1, 1]), attention_mask, ...cache }))
  }
  return (performance.now() - startedMs) / stepTokens
})

const byRun = Effect.fnUntraced(function*(session: Session, length: number, tokens: number) {
  const cache = cacheOf(session, length)
  const startedMs = performance.now()
  yield* session.run({
    input_ids: int64Input([5], [1, 1]),
    uniforms: new Tensor("float32", new Float32Array(tokens).fill(0.5), [tokens]),
    temperature: scalar(1),
    top_p: scalar(0.9),
    eos_token_ids: int64Input([-1], [1]),
    ...cache
  })
  return (performance.now() - startedMs) / tokens
})

const program = Effect.gen(function*() {
  const open = (graph: string) => openSession(join(folder, values.precision, graph), { provider: "cpu", threads: Number(values.threads) })
  const [decoder, generate] = [yield* open("decoder.onnx"), yield* open("generate.onnx")]
  console.log(`${machine()}; ${values.precision}, ${values.threads} threads; milliseconds a token`)
  console.log(["cache", "a token a run", ...runSizes.map((size) => `${size} a run, in the graph`)].join("\t"))
  for (const length of lengths) {
    yield* byStep(decoder, length)
    const figures = [yield* byStep(decoder, length), ...yield* Effect.forEach(runSizes, (size) => byRun(generate, length, size))]
    console.log([length, ...figures.map((ms) => ms.toFixed(1))].join("\t"))
  }
})

await Effect.runPromise(Effect.scoped(program))
