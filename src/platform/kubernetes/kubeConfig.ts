import { Config, Effect, Option } from "effect"
import type { KubeConfig } from "@kubernetes/client-node"
import type { RequestOptions } from "node:https"
import { ApiForbidden, KubeConfigInvalid } from "./errors.ts"
import { plainEndpoint } from "./plainConfig.ts"

/** What a connection is made with; another value means other connections. */
export interface TlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

export interface Credentials {
  readonly tls: TlsOptions
  /** Of every request: Authorization, Impersonate-User. */
  readonly headers: Readonly<Record<string, string>>
}

/** One API server as one user. */
export interface Endpoint {
  /** Base URL; may have a path. */
  readonly server: string
  readonly namespace: string
  /** Read again from time to time: tokens in files rotate, exec plugins renew. */
  readonly credentials: Effect.Effect<Credentials, ApiForbidden>
}

const fix = "Set KUBECONFIG to a kubeconfig file, or run in a pod with a service account."

const text = (value: unknown): string | undefined =>
  Buffer.isBuffer(value) ? value.toString("utf8") : typeof value === "string" ? value : undefined

const tlsOf = (options: RequestOptions): TlsOptions => {
  const ca = text(options.ca)
  const cert = text(options.cert)
  const key = text(options.key)
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    ...(options.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: options.rejectUnauthorized })
  }
}

const headersOf = (options: RequestOptions): Record<string, string> => {
  const given = Object.entries((options.headers ?? {}) as Record<string, unknown>)
  const headers: Record<string, string> = {}
  // A token that comes from a file ends with the file's newline.
  for (const [name, value] of given) headers[name] = String(value).trim()
  if (typeof options.auth === "string") headers["Authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`
  return headers
}

const credentialsOf = (config: KubeConfig): Effect.Effect<Credentials, ApiForbidden> =>
  Effect.tryPromise({
    try: async () => {
      const options: RequestOptions = {}
      // Also makes an https.Agent that is never used and so never connects.
      await config.applyToHTTPSOptions(options)
      return { tls: tlsOf(options), headers: headersOf(options) }
    },
    catch: (cause) => new ApiForbidden({ operation: "read credentials", reason: String(cause), status: 401 })
  })

const load = Effect.tryPromise({
  // Takes a second and 100 MB, which programs that never talk to a cluster must not pay.
  try: async () => {
    const { KubeConfig } = await import("@kubernetes/client-node")
    const config = new KubeConfig()
    config.loadFromDefault()
    return config
  },
  catch: (cause) => new KubeConfigInvalid({ problem: `The kubeconfig cannot be read: ${String(cause)}`, fix })
})

/** client-node's answer when it found neither a file nor a service account. */
const isFallback = (server: string) => server === "http://localhost:8080"

/** KUBECONFIG, else ~/.kube/config, else the pod's service account. `KUBE_NAMESPACE` wins over the namespace found there. */
export const loadEndpoint: Effect.Effect<Endpoint, KubeConfigInvalid | Config.ConfigError> = Effect.gen(function*() {
  const wanted = yield* Config.String("KUBE_NAMESPACE").pipe(Config.option)
  const plain = yield* plainEndpoint
  if (plain !== undefined) return { ...plain, namespace: Option.getOrElse(wanted, () => plain.namespace?.trim() || "default") }
  const config = yield* load
  const cluster = config.getCurrentCluster()
  if (cluster === null || isFallback(cluster.server)) {
    return yield* new KubeConfigInvalid({
      problem: cluster === null ? `The kubeconfig's current context (${config.getCurrentContext()}) names no cluster.` : "There is no cluster to talk to.",
      fix
    })
  }
  if (cluster.proxyUrl !== undefined) {
    return yield* new KubeConfigInvalid({
      problem: `The cluster ${cluster.name} has a proxy-url, which is not supported.`,
      fix: "Use a kubeconfig whose server can be reached directly."
    })
  }
  const namespace = Option.getOrElse(wanted, () => config.getContextObject(config.getCurrentContext())?.namespace?.trim() ?? "default")
  return { server: cluster.server, namespace, credentials: credentialsOf(config) }
})
