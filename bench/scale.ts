import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { machine, row } from "./figures.ts"
import { measureFill } from "./scale/fill.ts"
import { startSite } from "./scale/site.ts"
import { measureWakes } from "./scale/wakes.ts"

const { values } = parseArgs({
  options: {
    wakes: { type: "string", default: "200" },
    pools: { type: "string", default: "100" },
    pods: { type: "string", default: "10" },
    idle: { type: "string", default: "60" },
    "operator-flags": { type: "string", default: "" },
    json: { type: "string" }
  }
})

const main = Effect.gen(function*() {
  const out: any = {}
  console.log(machine())
  if (Number(values.wakes) > 0) yield* Effect.scoped(Effect.gen(function*() {
    const site = yield* startSite({ operatorFlags: values["operator-flags"].split(" ").filter((flag) => flag !== "") })
    const samples = out.samples = yield* measureWakes(site, Number(values.wakes))
    for (const what of ["storedToPod", "postToStored", "postToPod", "postToAnswer"] as const) console.log(row(what, samples.map((one) => one[what])))
  }))
  if (Number(values.pools) > 0) yield* Effect.scoped(Effect.gen(function*() {
    const site = yield* startSite({ operatorFlags: values["operator-flags"].split(" ").filter((flag) => flag !== "") })
    out.fill = yield* measureFill(site, { pools: Number(values.pools), podsEach: Number(values.pods), idleS: Number(values.idle) })
  }))
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(out))
})

await Effect.runPromise(main)
