/**
 * What a pipeline costs beside its graphs: its time over the sum of `session.run`, the same calls under Python's ONNX
 * Runtime, and the memory of the process that ran it. One process a model:
 *
 *   node bench/pipeline.ts models/starter-image [--rounds 5] [--threads 2] [--python PATH] [--diffusers FOLDER]
 *     [--prompt TEXT] [--steps N] [--side PX]
 *
 * `--python`: one with numpy and onnxruntime, and for `--diffusers` (the weights that were exported, of a text-to-image
 * model) with what scripts/export/requirements.txt names.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Effect, Schema } from "effect"
import type { JobKind, JobParameters } from "../src/contract/Job.ts"
import { ModelManifest } from "../src/contract/ModelManifest.ts"
import { readParts } from "../src/gpu-agent/models/readParts.ts"
import { openSession } from "../src/gpu-agent/onnx/session.ts"
import { families } from "../src/gpu-agent/pipelines/families.ts"
import { decode } from "../src/platform/images/decode.ts"
import { machine, quantile } from "./figures.ts"
import { newClock, timed, writeCalls } from "./pipeline/timedGraphs.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    python: { type: "string" },
    diffusers: { type: "string" },
    prompt: { type: "string", default: "a red house on a green hill" },
    steps: { type: "string", default: "20" },
    side: { type: "string", default: "256" }
  }
})
const folder = resolve(positionals[0] ?? "models/starter")
const rounds = Number(values.rounds)
const threads = Number(values.threads)
const manifest = Schema.decodeUnknownSync(Schema.fromJsonString(ModelManifest))(readFileSync(join(folder, "model.json"), "utf8"))
const variant = manifest.variants.find(({ execution_provider }) => execution_provider === "cpu")
const load = families[manifest.family]
if (variant === undefined || load === undefined) throw new Error(`${folder}: no variant for the CPU, or a family that is not known`)

const clock = newClock()
const kind: JobKind = manifest.kinds.includes("text_to_image") ? "text_to_image" : manifest.kinds[0] ?? "edit"
const parameters: JobParameters = {
  ...(kind === "text" ? { max_tokens: 64, temperature: 0.7, top_p: 0.95 } : { steps: Number(values.steps), cfg: 7.5 }),
  ...(kind === "text_to_image" ? { width: Number(values.side), height: Number(values.side) } : {})
}
const astronaut = readFileSync(fileURLToPath(new URL("../examples/astronaut.png", import.meta.url)))

const program = Effect.scoped(Effect.gen(function*() {
  const pipeline = yield* load({
    manifest,
    hasGraph: (role) => variant.graphs[role] !== undefined,
    openGraph: (role) => {
      const graph = join(folder, variant.graphs[role]!)
      return Effect.map(openSession(graph, { provider: "cpu", threads }), (session) => timed(session, graph, clock))
    },
    readAsset: (role) => Effect.promise(() => readFile(join(folder, manifest.assets![role]!))),
    readAssetParts: (role, parts) => Effect.sync(() => readParts(join(folder, manifest.assets![role]!), parts)),
    executionProvider: "cpu",
    forceCpu: true,
    memoryMaxBytes: 8 * 1024 ** 3
  })
  const inputs = kind === "edit" || kind === "image_to_image" ? [yield* decode(astronaut)] : []
  const run = pipeline.run({ kind, prompt: values.prompt, parameters, inputs, seed: 42 }, () => Effect.void)
  yield* run
  const wholes: Array<number> = []
  const graphs: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    Object.assign(clock, { ms: 0, runs: 0 })
    const begun = performance.now()
    yield* run
    wholes.push(performance.now() - begun)
    graphs.push(clock.ms)
  }
  const { runs } = clock
  const memoryMiB = Math.round(process.memoryUsage.rss() / 1024 ** 2)
  clock.keep = true
  yield* run
  return { wholes, graphs, runs, memoryMiB }
}))

const { graphs, memoryMiB, runs, wholes } = await Effect.runPromise(program)
const ratio = quantile(wholes.map((whole, i) => whole / graphs[i]!), 0.5)
console.log(`${basename(folder)} (${manifest.family}, ${kind}), ${threads} threads, ${rounds} rounds, ${machine()}`)
console.log(`pipeline ${quantile(wholes, 0.5).toFixed(1)} ms, ${runs} runs of graphs ${quantile(graphs, 0.5).toFixed(1)} ms, ratio ${ratio.toFixed(3)}; the process holds ${memoryMiB} MiB`)

if (values.python !== undefined) {
  const recorded = mkdtempSync(join(tmpdir(), "darkroom-bench-"))
  try {
    writeCalls(recorded, clock)
    const script = fileURLToPath(new URL("./pipeline/graphs.py", import.meta.url))
    const pythonMs = Number(execFileSync(values.python, [script, recorded, String(threads), String(rounds)], { encoding: "utf8" }))
    console.log(`the same calls under Python's ONNX Runtime: ${pythonMs.toFixed(1)} ms, ratio ${(quantile(graphs, 0.5) / pythonMs).toFixed(3)}`)
  } finally {
    rmSync(recorded, { recursive: true, force: true })
  }
}

if (values.python !== undefined && values.diffusers !== undefined) {
  const script = fileURLToPath(new URL("./pipeline/diffusers_reference.py", import.meta.url))
  const ms = Number(execFileSync(values.python, [script, values.diffusers, values.steps, values.side, String(threads), String(rounds)], { encoding: "utf8" }))
  console.log(`the same request under diffusers: ${ms.toFixed(1)} ms, ratio ${(quantile(wholes, 0.5) / ms).toFixed(3)}`)
}
