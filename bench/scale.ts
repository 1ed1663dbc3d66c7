import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { loadavg } from "node:os"
import { parseArgs } from "node:util"
import { machine } from "./figures.ts"
import { measureEdits } from "./scale/cluster.ts"
import { measureFill } from "./scale/fill.ts"
import { editsText, idleText, stageText, wakesText } from "./scale/report.ts"
import { startSite } from "./scale/site.ts"
import { measureWakes } from "./scale/wakes.ts"

/**
 * What the operator takes for a job's first pod, and for many pools.
 *
 *   node bench/scale.ts                      both parts, on a kube-apiserver and a broker of their own
 *   node bench/scale.ts --wakes 200          jobs that wake a pool at zero (0: leave this part out)
 *   node bench/scale.ts --pools 100 --pods 10 --idle 60     pools, pods of each, seconds of watching it at rest (--pools 0: not)
 *   node bench/scale.ts --cluster --edits 20     instead: photos edited from zero, after: eval "$(scripts/cluster env)"
 *   node bench/scale.ts --json FILE          every sample, too
 *   node bench/scale.ts --operator-flags="--cpu-prof"       of Node and V8, instead of those in its image
 *
 * Programs: `scripts/cluster build etcd kube-apiserver kube-scheduler kubectl kwok`. Linux only.
 */
const { values } = parseArgs({
  options: {
    wakes: { type: "string", default: "200" },
    pools: { type: "string", default: "100" },
    pods: { type: "string", default: "10" },
    idle: { type: "string", default: "60" },
    cluster: { type: "boolean", default: false },
    edits: { type: "string", default: "20" },
    json: { type: "string" },
    // As in the Dockerfile.
    "operator-flags": { type: "string", default: "--max-semi-space-size=2" }
  }
})

const whole = (name: "wakes" | "pools" | "pods" | "idle" | "edits"): number => {
  const value = Number(values[name])
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} ${values[name]}: a whole number is wanted`)
  return value
}

const say = (lines: ReadonlyArray<string>) => Effect.sync(() => console.log(lines.join("\n")))
const siteOptions = { operatorFlags: values["operator-flags"].split(" ").filter((flag) => flag !== "") }

const wakes = Effect.gen(function*() {
  const samples = yield* measureWakes(yield* startSite(siteOptions), whole("wakes"))
  yield* say(wakesText(samples))
  return samples
})

const fill = Effect.gen(function*() {
  const site = yield* startSite(siteOptions)
  return yield* measureFill(site, { pools: whole("pools"), podsEach: whole("pods"), idleS: whole("idle") }, (found) =>
    say("writesAMinute" in found ? idleText(found) : stageText(found)))
})

const edits = Effect.gen(function*() {
  const samples = yield* measureEdits(whole("edits"))
  yield* say(editsText(samples))
  return samples
})

const part = <A, E>(wanted: boolean, measure: Effect.Effect<A, E>): Effect.Effect<A | undefined, E> => (wanted ? measure : Effect.undefined)

const load = () => `load ${loadavg().map((value) => value.toFixed(1)).join(" ")}`

await Effect.runPromise(Effect.gen(function*() {
  const at = new Date().toISOString()
  yield* say([`${at}, ${machine()}, ${load()}, operator with ${values["operator-flags"] || "no flags"}`])
  const measured = {
    at,
    machine: machine(),
    settings: values,
    edits: yield* part(values.cluster, Effect.scoped(edits)),
    wakes: yield* part(!values.cluster && whole("wakes") > 0, Effect.scoped(wakes)),
    fill: yield* part(!values.cluster && whole("pools") > 0, Effect.scoped(fill))
  }
  yield* say([load()])
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(measured, undefined, 1))
}))
