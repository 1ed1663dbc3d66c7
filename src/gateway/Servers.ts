import { createAdaptorServer } from "@hono/node-server"
import { Context, Deferred, Effect, Layer, Schema } from "effect"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { makeApp, makeMetricsApp, makeModelsApp } from "./app.ts"
import { GatewayConfig } from "./config.ts"
import type { Services } from "./http.ts"
import { Metrics } from "./metrics/Metrics.ts"
import { Shutdown } from "./Shutdown.ts"

export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  variable: Schema.String,
  host: Schema.String,
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const why = this.cause instanceof Error && "code" in this.cause ? String(this.cause.code) : String(this.cause)
    return `cannot listen on ${this.host}:${this.port} (${why}): free it, or set ${this.variable} to another port`
  }
}

/** How long answers may take to be sent once the grace time is over. */
const flushMs = 2_000

type Fetch = (request: Request) => Response | Promise<Response>

interface Address {
  /** What to set when the port is taken. */
  readonly variable: string
  readonly host: string
  readonly port: number
}

interface Listener {
  readonly server: Server
  readonly url: string
}

/** Requests whose answer is not completely sent, on all listeners. */
class InFlight {
  #count = 0
  #whenIdle: Array<Deferred.Deferred<void>> = []

  readonly enter = (_request: IncomingMessage, response: ServerResponse): void => {
    this.#count += 1
    response.once("close", () => {
      this.#count -= 1
      if (this.#count === 0) this.#whenIdle.splice(0).forEach((idle) => Deferred.doneUnsafe(idle, Effect.void))
    })
  }

  readonly idle: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#count === 0) return Effect.void
    const idle = Deferred.makeUnsafe<void>()
    this.#whenIdle.push(idle)
    return Deferred.await(idle)
  })
}

/** `onRequest` sees every request first. */
export const listen = (fetch: Fetch, onRequest: InFlight["enter"], { host, port, variable }: Address) =>
  Effect.callback<Listener, ListenError>((resume) => {
    const server = createAdaptorServer({ fetch }) as Server
    server.prependListener("request", onRequest)
    // For ever, though only the first can be told: without files left for a connection there is one each time, and unheard
    // it would end the program.
    server.on("error", (cause) => resume(Effect.fail(new ListenError({ variable, host, port, cause }))))
    server.listen(port, host, () => {
      const { port: actual } = server.address() as AddressInfo
      const shown = host.includes(":") ? `[${host}]` : host
      resume(Effect.succeed({ server, url: `http://${shown}:${actual}` }))
    })
  })

/**
 * No new connections; streams end; what waits may finish within the grace time, then is answered at once; what is left
 * after that is cut.
 */
const stop = (servers: ReadonlyArray<Server>, inFlight: InFlight, shutdown: Shutdown["Service"], graceMs: number) =>
  Effect.gen(function*() {
    for (const server of servers) {
      server.close()
      server.closeIdleConnections()
    }
    yield* shutdown.begin
    yield* Effect.timeoutOption(inFlight.idle, graceMs)
    yield* shutdown.endGrace
    yield* Effect.timeoutOption(inFlight.idle, flushMs)
    for (const server of servers) server.closeAllConnections()
  })

/** The gateway's listeners; closing the scope stops them gracefully. */
export class Servers extends Context.Service<Servers, {
  readonly apiUrl: string
  readonly modelsUrl: string | undefined
  readonly metricsUrl: string | undefined
}>()("darkroom/gateway/Servers") {
  static readonly layer = Layer.effect(
    Servers,
    Effect.gen(function*() {
      const config = yield* GatewayConfig
      const metrics = yield* Metrics
      const shutdown = yield* Shutdown
      const run = Effect.runPromiseWith(yield* Effect.context<Services>())
      const inFlight = new InFlight()
      const started: Array<Server> = []
      yield* Effect.addFinalizer(() => stop(started, inFlight, shutdown, config.graceMs))

      const start = Effect.fnUntraced(function*(fetch: Fetch, address: Address) {
        const { server, url } = yield* listen(fetch, inFlight.enter, address)
        started.push(server)
        return url
      })

      const options = { run, metrics, corsOrigins: config.corsOrigins }
      const metricsUrl = config.metricsPort === 0
        ? undefined
        : yield* start(makeMetricsApp(run).fetch, { variable: "METRICS_PORT", host: config.host, port: config.metricsPort })
      const modelsUrl = config.modelsPort === 0 ? undefined : yield* start(
        makeModelsApp({ ...options, allowedHosts: config.modelsAllowedHosts }).fetch,
        { variable: "MODELS_PORT", host: config.modelsHost, port: config.modelsPort }
      )
      const apiUrl = yield* start(makeApp(options).fetch, { variable: "PORT", host: config.host, port: config.port })
      yield* Effect.logInfo(
        `API on ${apiUrl}, its documentation on ${apiUrl}/docs` +
          (modelsUrl === undefined ? "" : `; models service on ${modelsUrl}`) +
          (metricsUrl === undefined ? "" : `; metrics on ${metricsUrl}/metrics`)
      )
      return Servers.of({ apiUrl, modelsUrl, metricsUrl })
    })
  )
}
