import { Context, Layer } from "effect"

/** Upper bounds in seconds: an edit takes seconds, everything else milliseconds. */
const bucketBoundsS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

interface Histogram {
  readonly buckets: Array<number>
  sum: number
  count: number
}

export interface Gauge {
  readonly name: string
  readonly help: string
  readonly values: ReadonlyArray<{ readonly labels: Readonly<Record<string, string>>; readonly value: number }>
}

const escapeLabel = (value: string) => value.replaceAll("\\", "\\\\").replaceAll("\"", "\\\"").replaceAll("\n", "\\n")

const line = (name: string, labels: Readonly<Record<string, string>>, value: number): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`
}

/** Prometheus text, version 0.0.4. */
export const renderGauges = (gauges: ReadonlyArray<Gauge>): string =>
  gauges.map(({ help, name, values }) =>
    [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...values.map(({ labels, value }) => line(name, labels, value))].join("\n")
  ).join("\n")

const requestsName = "darkroom_http_request_duration_seconds"

const renderRequests = (requests: ReadonlyMap<string, Histogram>): string => {
  const lines = [
    `# HELP ${requestsName} Time from the request's headers to the answer's, by route and status.`,
    `# TYPE ${requestsName} histogram`
  ]
  for (const [key, histogram] of requests) {
    const [method, route, status] = JSON.parse(key) as [string, string, string]
    const labels = { method, route, status }
    let cumulative = 0
    bucketBoundsS.forEach((bound, i) => {
      cumulative += histogram.buckets[i]!
      lines.push(line(`${requestsName}_bucket`, { ...labels, le: String(bound) }, cumulative))
    })
    lines.push(line(`${requestsName}_bucket`, { ...labels, le: "+Inf" }, histogram.count))
    lines.push(line(`${requestsName}_sum`, labels, histogram.sum), line(`${requestsName}_count`, labels, histogram.count))
  }
  return lines.join("\n")
}

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
    const requests = new Map<string, Histogram>()
    let openStreams = 0
    return Metrics.of({
      observeRequest: ({ method, route, seconds, status }) => {
        const key = JSON.stringify([method, route, String(status)])
        const histogram = requests.get(key) ?? { buckets: bucketBoundsS.map(() => 0), sum: 0, count: 0 }
        requests.set(key, histogram)
        const bucket = bucketBoundsS.findIndex((bound) => seconds <= bound)
        if (bucket >= 0) histogram.buckets[bucket]! += 1
        histogram.sum += seconds
        histogram.count += 1
      },
      streamOpened: () => void (openStreams += 1),
      streamClosed: () => void (openStreams -= 1),
      openStreams: () => openStreams,
      render: () => renderRequests(requests)
    })
  })
}
