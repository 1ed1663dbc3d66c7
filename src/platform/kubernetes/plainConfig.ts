import { Config, Effect, Option, Schema } from "effect"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { parse } from "yaml"
import { ApiForbidden } from "./errors.ts"
import type { Credentials, Endpoint, TlsOptions } from "./kubeConfig.ts"

/**
 * The ways in which nearly every program meets its cluster, a pod's service account and a kubeconfig of one file with
 * certificates or a token, without client-node: it knows them, too, but takes a second and 50 MB to say so.
 */

export type PlainEndpoint = Omit<Endpoint, "namespace"> & { readonly namespace: string | undefined }

const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

const Text = Schema.optionalKey(Schema.String)

/** `Name-data` has the file itself, in base64. */
const Cluster = Schema.Struct({
  server: Schema.NonEmptyString,
  "certificate-authority": Text,
  "certificate-authority-data": Text,
  "insecure-skip-tls-verify": Schema.optionalKey(Schema.Boolean),
  "tls-server-name": Text
})

const User = Schema.Struct({
  "client-certificate": Text,
  "client-certificate-data": Text,
  "client-key": Text,
  "client-key-data": Text,
  token: Text,
  tokenFile: Text
})

const Kubeconfig = Schema.Struct({
  "current-context": Schema.NonEmptyString,
  clusters: Schema.Array(Schema.Struct({ name: Schema.String, cluster: Schema.Unknown })),
  users: Schema.Array(Schema.Struct({ name: Schema.String, user: Schema.Unknown })),
  contexts: Schema.Array(
    Schema.Struct({ name: Schema.String, context: Schema.Struct({ cluster: Schema.String, user: Schema.String, namespace: Text }) })
  )
})

/** Of these two nothing may be passed over: what else is said there is client-node's. */
const whole = { onExcessProperty: "error" } as const
const decodeCluster = Schema.decodeUnknownOption(Cluster, whole)
const decodeUser = Schema.decodeUnknownOption(User, whole)
const decodeKubeconfig = Schema.decodeUnknownOption(Kubeconfig)

/** Read anew each time: tokens and certificates in files rotate. */
const reading = (read: () => Promise<Credentials>): Effect.Effect<Credentials, ApiForbidden> =>
  Effect.tryPromise({
    try: read,
    catch: (cause) => new ApiForbidden({ operation: "read credentials", reason: String(cause), status: 401 })
  })

const bearer = (token: string): Credentials["headers"] => ({ Authorization: `Bearer ${token.trim()}` })

const serviceAccount = Effect.gen(function*() {
  const host = yield* Config.option(Config.String("KUBERNETES_SERVICE_HOST"))
  const port = yield* Config.String("KUBERNETES_SERVICE_PORT").pipe(Config.withDefault("443"))
  const file = (name: string) => readFile(join(accountFolder, name), "utf8")
  if (Option.isNone(host) || !existsSync(join(accountFolder, "token")) || existsSync(join(homedir(), ".kube", "config"))) return undefined
  return {
    server: `https://${host.value.includes(":") ? `[${host.value}]` : host.value}:${port}`,
    namespace: (yield* Effect.promise(() => file("namespace").catch(() => ""))).trim() || undefined,
    credentials: reading(async () => ({ tls: { ca: await file("ca.crt") }, headers: bearer(await file("token")) }))
  } satisfies PlainEndpoint
})

const tlsOf = async (cluster: typeof Cluster.Type, user: typeof User.Type, folder: string): Promise<TlsOptions> => {
  const content = async (data: string | undefined, path: string | undefined) =>
    data !== undefined ? Buffer.from(data, "base64").toString("utf8") : path !== undefined ? await readFile(resolve(folder, path), "utf8") : undefined
  const ca = await content(cluster["certificate-authority-data"], cluster["certificate-authority"])
  const cert = await content(user["client-certificate-data"], user["client-certificate"])
  const key = await content(user["client-key-data"], user["client-key"])
  const servername = cluster["tls-server-name"]
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(cluster["insecure-skip-tls-verify"] === true ? { rejectUnauthorized: false } : {})
  }
}

const endpointOf = (config: typeof Kubeconfig.Type, folder: string): PlainEndpoint | undefined => {
  const context = config.contexts.find(({ name }) => name === config["current-context"])?.context
  const cluster = Option.getOrUndefined(decodeCluster(config.clusters.find(({ name }) => name === context?.cluster)?.cluster))
  const user = Option.getOrUndefined(decodeUser(config.users.find(({ name }) => name === context?.user)?.user))
  if (context === undefined || cluster === undefined || user === undefined) return undefined
  const { token, tokenFile } = user
  return {
    server: cluster.server,
    namespace: context.namespace,
    credentials: reading(async () => {
      const said = token ?? (tokenFile === undefined ? undefined : await readFile(resolve(folder, tokenFile), "utf8"))
      return { tls: await tlsOf(cluster, user, folder), headers: said === undefined ? {} : bearer(said) }
    })
  }
}

const fromFile = (path: string) =>
  Effect.promise(() => readFile(path, "utf8").then((text): unknown => parse(text)).catch(() => undefined)).pipe(
    Effect.map((content) => Option.getOrUndefined(Option.map(decodeKubeconfig(content), (config) => endpointOf(config, dirname(path)))))
  )

/** `undefined`: something else is asked for, or something is wrong with it, which client-node then says. */
export const plainEndpoint: Effect.Effect<PlainEndpoint | undefined, Config.ConfigError> = Effect.gen(function*() {
  const path = yield* Config.option(Config.String("KUBECONFIG"))
  return yield* Option.isSome(path) && path.value !== "" ? fromFile(path.value) : serviceAccount
})
