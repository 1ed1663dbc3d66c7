import { Effect, Layer, Schema } from "effect"
import { createServer } from "node:http"
import { Cluster } from "../fleet/Cluster.ts"
import { OperatorMetrics } from "./OperatorMetrics.ts"

class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", { port: Schema.Int, cause: Schema.Defect() }) {
  override get message(): string {
    return `the operator cannot listen on port ${this.port}: set METRICS_PORT to a free one`
  }
}

/** The API server's watches bookmark every minute: silence for so long means that the caches may be old. */
const silentMaxMs = 180_000

interface Answer {
  readonly status: number
  readonly type: "application/json" | "text/plain; version=0.0.4; charset=utf-8"
  readonly body: string
}

const json = (status: number, body: unknown): Answer => ({ status, type: "application/json", body: JSON.stringify(body) })

const alive = json(200, { status: "ok" })

/** `/readyz`: it knows the cluster, so it can lead or take over. `/metrics` for Prometheus. */
const answer = Effect.fnUntraced(function*(path: string) {
  const { pods, pools } = yield* Cluster
  const metrics = yield* OperatorMetrics
  switch (path) {
    case "/readyz": {
      const silentMs = Math.max(yield* pools.lastContactMs, yield* pods.lastContactMs)
      const isReady = silentMs < silentMaxMs
      return json(isReady ? 200 : 503, {
        status: isReady ? "ok" : "the API server was not heard of lately",
        kubernetes_silent_ms: Number.isFinite(silentMs) ? Math.round(silentMs) : null,
        leading: metrics.isLeading()
      })
    }
    case "/metrics":
      metrics.reflector("GpuPool", yield* pools.missed)
      metrics.reflector("Pod", yield* pods.missed)
      return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: metrics.render() } satisfies Answer as Answer
    default:
      return json(404, { status: "not found: /livez, /readyz and /metrics are here" })
  }
})

/** The operator's only listener. It changes nothing and names no secret, so it needs no key; network policies keep it inside. */
export const healthServer = (options: { readonly port: number; readonly host: string }): Layer.Layer<never, PortTaken, Cluster | OperatorMetrics> =>
  Layer.effectDiscard(
    Effect.gen(function*() {
      const runFork = Effect.runForkWith(yield* Effect.context<Cluster | OperatorMetrics>())
      const server = createServer((request, response) => {
        const path = (request.url ?? "").split("?")[0] ?? ""
        const send = ({ body, status, type }: Answer) => {
          response.writeHead(status, { "content-type": type, "cache-control": "no-store" })
          response.end(body)
        }
        // `/livez`: the process answers. Nothing is asked: on a machine that is too busy it decides whether the process is killed.
        if (path === "/livez") return send(alive)
        runFork(Effect.map(answer(path), send))
      })
      yield* Effect.acquireRelease(
        Effect.callback<void, PortTaken>((resume) => {
          server.once("error", (cause) => resume(Effect.fail(new PortTaken({ port: options.port, cause }))))
          server.listen(options.port, options.host, () => resume(Effect.void))
        }),
        () =>
          Effect.sync(() => {
            server.close()
            server.closeAllConnections()
          })
      )
    })
  )
