import { Context, Layer } from "effect"
import { makeRegistry } from "../../platform/telemetry/prometheus.ts"

/** Upper bounds in seconds: an edit takes seconds, everything else milliseconds. */
const bucketBoundsS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** What this gateway counts itself; figures about jobs are read when somebody asks for them. */
export class Metrics extends Context.Service<Metrics, {
  readonly observeRequest: (request: {
    readonly method: string
    readonly route: string
    readonly status: number
    readonly seconds: number
  }) => void
  readonly streamOpened: () => void
  readonly streamClosed: () => void
  readonly openStreams: () => number
  readonly render: () => string
}>()("darkroom/gateway/Metrics") {
  static readonly layer = Layer.sync(Metrics, () => {
    const registry = makeRegistry()
    const requests = registry.histogram(
      "darkroom_http_request_duration_seconds",
      "Time from the request's headers to the answer's, by route and status.",
      bucketBoundsS
    )
    let openStreams = 0
    return Metrics.of({
      observeRequest: ({ method, route, seconds, status }) => requests.observe({ method, route, status: String(status) }, seconds),
      streamOpened: () => void (openStreams += 1),
      streamClosed: () => void (openStreams -= 1),
      openStreams: () => openStreams,
      render: registry.render
    })
  })
}
