import { Effect, Layer } from "effect"
import packageJson from "../../package.json" with { type: "json" }
import { Blobs } from "../platform/blobs/Blobs.ts"
import { Connection } from "../platform/nats/Connection.ts"
import { JobLog } from "../platform/nats/JobLog.ts"
import { Lanes } from "../platform/nats/Lanes.ts"
import { Presence } from "../platform/nats/Presence.ts"
import { Signals } from "../platform/nats/Signals.ts"
import { collectLessOften } from "../platform/processes/collectLessOften.ts"
import { runProgram } from "../platform/processes/runProgram.ts"
import { agentConfig } from "./config.ts"
import { Engine } from "./engine/Engine.ts"
import { healthServer } from "./health/HealthServer.ts"
import { ModelStore } from "./models/ModelStore.ts"
import { Worker } from "./worker/Worker.ts"

/** The agent: takes jobs of one pool from the log, runs their models in an engine process, writes the results. */

const setupTimeoutMs = 60_000
const unloadTimeoutMs = 10_000
const restartsMax = 5

const agent = Effect.map(agentConfig(process.argv.slice(2)), (config) => {
  const platform = Layer.mergeAll(JobLog.layer, Lanes.layer, Presence.layerOf(config.pool), Signals.layer, Blobs.layer).pipe(
    Layer.provideMerge(Connection.layer(`agent ${config.agent}`))
  )
  const engine = Engine.layer({ ...config, setupTimeoutMs, unloadTimeoutMs, restartsMax, environment: process.env })
  const worker = Worker.layer({ ...config, version: packageJson.version })
  return healthServer({ port: config.healthPort, host: config.healthHost }).pipe(
    Layer.provide(worker),
    Layer.provide([platform, engine, ModelStore.layer(config)])
  )
})

collectLessOften()
runProgram("agent", packageJson.version, Layer.launch(Layer.unwrap(agent)))
