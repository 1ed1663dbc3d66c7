import { Layer } from "effect"
import packageJson from "../../package.json" with { type: "json" }
import { collectLessOften } from "../platform/processes/collectLessOften.ts"
import { runProgram } from "../platform/processes/runProgram.ts"
import { gateway } from "./layers.ts"

/** The gateway: the HTTP API in front of the job log. */

collectLessOften()
runProgram("gateway", packageJson.version, Layer.launch(gateway))
