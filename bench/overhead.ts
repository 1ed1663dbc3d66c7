/**
 * What the system costs around the model: `POST /api/edit` with a 512² JPEG photo, a PNG back, the no-op model, whole
 * path, every event fsynced (`sync_interval: always`), one request at a time. Prints p50 and p99 of the whole path, of the time on
 * the agent, and of the difference; of the path without the graphs' own time; and of what any server of pictures pays (decode,
 * graphs, encode, as the engine measures them) and the rest. Run: `node bench/overhead.ts [requests]`.
 */
import { readFileSync } from "node:fs"
import sharp from "sharp"
import { startSystem } from "../src/testing/System.ts"
import { machine, row } from "./figures.ts"

const requests = Number(process.argv[2] ?? 200)
const warmUps = 20
const astronaut = readFileSync(new URL("../examples/astronaut.png", import.meta.url))
const photo = (await sharp(astronaut).jpeg({ quality: 92 }).toBuffer()).toString("base64")

interface Sample {
  readonly jobId: string
  readonly wholeMs: number
  readonly agentMs: number
}

interface InEngine {
  readonly graphsMs: number
  readonly engineMs: number
}

/** By job, from the lines "job done" of the agent's log, of which the system keeps the last 200 kB. */
const inEngineByJob = (log: string): ReadonlyMap<string, InEngine> =>
  new Map(log.split("\n").filter((line) => line.includes("job done")).flatMap((line) => {
    try {
      const { annotations: { decode_ms, encode_ms, job_id, model_ms } } = JSON.parse(line)
      return [[job_id, { graphsMs: model_ms, engineMs: decode_ms + model_ms + encode_ms }]]
    } catch {
      return []
    }
  }))

const system = await startSystem({ replicas: 1 })
try {
  const gateway = system.gateways[0]
  if (gateway === undefined) throw new Error("no gateway")
  const edit = async (index: number): Promise<Sample> => {
    const begun = performance.now()
    const response = await fetch(`${gateway.url}/api/edit`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": system.key },
      body: JSON.stringify({ image: photo, prompt: "steps=1 ms=0", seed: index })
    })
    const body = await response.json() as { job_id: string; status?: string; actual_time_s: number; output_b64: string; detail?: string }
    if (body.status !== "completed" || body.output_b64.length < 100) throw new Error(`invalid run: ${response.status} ${body.detail}`)
    return { jobId: body.job_id, wholeMs: performance.now() - begun, agentMs: body.actual_time_s * 1_000 }
  }
  for (let i = 0; i < warmUps; i++) await edit(i)
  const samples: Array<Sample> = []
  for (let i = 0; i < requests; i++) samples.push(await edit(warmUps + i))
  console.log(`${requests} edits of a 512 x 512 photo, no-op model, one at a time, ${machine()}`)
  console.log(row("whole path (HTTP in to HTTP out)", samples.map((sample) => sample.wholeMs)))
  console.log(row("on the agent (claim to result)", samples.map((sample) => sample.agentMs)))
  console.log(row("everything else", samples.map((sample) => sample.wholeMs - sample.agentMs)))
  const inEngine = inEngineByJob(system.fleet.log())
  const told = samples.flatMap(({ jobId, wholeMs }) => {
    const times = inEngine.get(jobId)
    return times === undefined ? [] : [{ ...times, wholeMs }]
  })
  console.log(row("whole path minus the graphs", told.map(({ graphsMs, wholeMs }) => wholeMs - graphsMs)))
  console.log(row("engine: decode, graphs, encode", told.map(({ engineMs }) => engineMs)))
  console.log(row("whole path minus the engine", told.map(({ engineMs, wholeMs }) => wholeMs - engineMs)))
} finally {
  await system.stop()
}
