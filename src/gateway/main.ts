import { Layer } from "effect"
import { setFlagsFromString } from "node:v8"
import packageJson from "../../package.json" with { type: "json" }
import { runProgram } from "../platform/processes/runProgram.ts"
import { gateway } from "./layers.ts"

/** The gateway: the HTTP API in front of the job log. */

// The heap is small, and every picture that passes beside it counts as its growth: by default V8 would collect all of it
// after each second edit, which took half of the gateway's CPU time (bench/overhead).
setFlagsFromString("--heap-growing-percent=300")

runProgram("gateway", packageJson.version, Layer.launch(gateway))
