import { Effect, Option } from "effect"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { nodeCommand, startChild } from "../../platform/processes/Child.ts"
import { lockFile } from "../../platform/processes/LockFile.ts"
import { edit } from "../http.ts"
import { natsServerVersion } from "../natsServer.ts"
import { checkout, compileCache, type Place, placeOf } from "../place.ts"
import { announceRunning, brokerEnv, type Running } from "../running.ts"
import { runBroker } from "./broker.ts"
import { openLog } from "./logs.ts"
import { freePort, requireFree } from "./ports.ts"
import { awaitServing } from "./ready.ts"
import { editedReport, installLine, modelsReport, servingReport } from "./report.ts"
import { defaultsEnv, serveInstalled } from "./serve.ts"
import { CannotStart, prepareFolders, systemKey, upSettings } from "./settings.ts"
import { supervise } from "./supervise.ts"

export interface UpOptions {
  readonly once: boolean
  readonly testModels: boolean
  readonly port: number | undefined
  readonly data: string | undefined
}

const samplePhoto = join(checkout, "examples", "astronaut.png")
const sampleEdited = join(checkout, "examples", "astronaut.edited.png")
const sampleSentence = "make the orange suit blue"

/** Time for a running edit to finish when the system is stopped. */
const gatewayGraceMs = 6_000
const fleetGraceMs = 10_000

const say = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

const runNode = (place: Place, program: {
  readonly name: string
  readonly main: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly graceMs: number
}) => {
  const { env, graceMs, main, name } = program
  const log = openLog(place, name)
  return supervise({
    name,
    start: startChild({
      command: [...nodeCommand, join(checkout, main)],
      env: { NODE_COMPILE_CACHE: compileCache, ...process.env, ...env },
      kind: "node",
      output: log.fd,
      ownGroup: true
    }),
    graceMs,
    log: log.path
  })
}

/** 0 asks for any free port. */
const orFree = (port: number) => (port === 0 ? freePort : Effect.succeed(port))

const prepare = Effect.fnUntraced(function*(options: UpOptions) {
  const settings = yield* upSettings
  const place = placeOf(options.data, options.testModels)
  yield* natsServerVersion(settings.natsServer)
  yield* prepareFolders(place)
  yield* lockFile(place.lock, "Darkroom")
  const models = yield* serveInstalled(place, { testModels: options.testModels, ...settings })
  const key = yield* systemKey(place, settings.key)
  const port = yield* orFree(options.port ?? settings.port)
  const modelsPort = yield* orFree(settings.modelsPort)
  const natsPort = yield* orFree(Option.getOrElse(settings.natsPort, () => 0))
  yield* requireFree(port, "the API", options.port === undefined ? "PORT" : "--port")
  yield* requireFree(modelsPort, "the models service", "MODELS_PORT")
  yield* requireFree(natsPort, "the broker", "NATS_PORT")
  const metricsPort = yield* orFree(Option.getOrElse(settings.metricsPort, () => 0))
  yield* requireFree(metricsPort, "the metrics", "METRICS_PORT")
  const monitorPort = yield* freePort
  const running: Running = {
    pid: process.pid,
    api: `http://127.0.0.1:${port}`,
    models: `http://127.0.0.1:${modelsPort}`,
    nats_url: `nats://127.0.0.1:${natsPort}`,
    nats_monitor_url: `http://127.0.0.1:${monitorPort}`,
    nats_user: "darkroom",
    nats_password: randomBytes(24).toString("base64url"),
    pool_file: place.pools
  }
  return { place, settings, models, key, port, modelsPort, natsPort, monitorPort, metricsPort, running }
})

type Prepared = Effect.Success<ReturnType<typeof prepare>>

const startBroker = (system: Prepared) => {
  const { place, running, settings } = system
  return runBroker({
    binary: settings.natsServer,
    settings: {
      port: system.natsPort,
      monitorPort: system.monitorPort,
      storeDir: place.natsStore,
      pidFile: place.natsPid,
      user: running.nats_user,
      password: running.nats_password
    },
    place,
    log: openLog(place, "nats")
  })
}

const fleetEnv = (system: Prepared) => ({
  DATA_DIR: system.place.fleet,
  FLEET_WARM_START: "true",
  FLEET_GRACE: `${fleetGraceMs - 2_000}ms`
})

const gatewayEnv = (system: Prepared) => ({
  DATA_DIR: system.place.gateway,
  DARKROOM_API_KEY: system.key,
  PORT: String(system.port),
  MODELS_PORT: String(system.modelsPort),
  METRICS_PORT: String(system.metricsPort),
  DEFAULT_EDIT_POOL: process.env["DEFAULT_EDIT_POOL"] ?? "local",
  ...defaultsEnv(system.models.defaults),
  GATEWAY_GRACE: process.env["GATEWAY_GRACE"] ?? `${gatewayGraceMs - 1_000}ms`
})

/** Broker first, then what needs it; the scope stops them in the other order. */
const startPrograms = Effect.fnUntraced(function*(system: Prepared, options: UpOptions) {
  const { place, running } = system
  const broker = yield* startBroker(system)
  const shared = {
    ...brokerEnv(running),
    POOL_FILE: place.pools,
    MODELS_DIR: system.models.dir,
    ...(options.testModels ? { DARKROOM_TEST_MODELS: "1" } : {})
  }
  const fleet = yield* runNode(place, {
    name: "fleet",
    main: "src/operator/local.ts",
    env: { ...shared, ...fleetEnv(system) },
    graceMs: fleetGraceMs
  })
  const gateway = yield* runNode(place, {
    name: "gateway",
    main: "src/gateway/main.ts",
    env: { ...shared, ...gatewayEnv(system) },
    graceMs: gatewayGraceMs
  })
  return Effect.raceFirst(broker.givenUp, Effect.raceFirst(fleet.givenUp, gateway.givenUp))
})

const editSample = Effect.fnUntraced(function*(system: Prepared) {
  if (system.models.defaults.edit === undefined) {
    return yield* new CannotStart({ reason: `no model in ${system.models.dir} (MODELS_DIR) edits photos: ${installLine("edit")}` })
  }
  yield* say(`editing ${samplePhoto}: "${sampleSentence}"`)
  const answer = yield* edit({
    api: system.running.api,
    key: system.key,
    photo: samplePhoto,
    sentence: sampleSentence,
    out: sampleEdited,
    seed: undefined,
    model: undefined
  })
  yield* say(editedReport(samplePhoto, sampleEdited, process.cwd()))
  yield* say(`  ${answer.actual_time_s} s on the agent${(answer.warnings ?? []).map((warning) => `\n  note: ${warning}`).join("")}`)
})

/** Starts everything, edits the sample photo and serves until interrupted; with `once` it ends after the edit. */
export const up = Effect.fn("up")(
  function*(options: UpOptions) {
    const startedAt = performance.now()
    const system = yield* prepare(options)
    yield* Effect.addFinalizer(() => (options.once ? Effect.void : say("stopped")))
    yield* say(`starting Darkroom (data and logs: ${system.place.data})`)
    const givenUp = yield* startPrograms(system, options)
    const addresses = {
      api: system.running.api,
      models: system.running.models,
      metrics: `http://127.0.0.1:${system.metricsPort}`
    }
    const work = Effect.gen(function*() {
      yield* awaitServing(addresses.api, system.key)
      yield* announceRunning(system.place, system.running)
      yield* say(`serving after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
      const edited = yield* Effect.result(editSample(system))
      if (edited._tag === "Failure") {
        if (options.once) return yield* edited.failure
        yield* say(`the sample edit failed: ${edited.failure.message}\n  logs: ${system.place.logs}`)
      }
      if (options.once) return
      yield* say(modelsReport(system.models.defaults, { names: system.models.unlisted, file: system.place.pools }))
      yield* say(servingReport(addresses, system.key, samplePhoto, sampleSentence))
      yield* say("Ctrl-C stops everything.")
      return yield* Effect.never
    })
    return yield* Effect.raceFirst(work, givenUp)
  },
  Effect.scoped
)
