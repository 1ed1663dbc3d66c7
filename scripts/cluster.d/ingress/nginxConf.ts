/**
 * nginx's configuration for the Ingress objects of one class. Pure. Annotations and their defaults are ingress-nginx's, so that
 * an overlay which forgets one fails here as it would there: bodies up to 1 MB, answers within 60 s, no response buffering.
 */

interface Metadata {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly creationTimestamp: string
  readonly annotations?: Readonly<Record<string, string>>
}

interface Backend {
  readonly service?: { readonly name: string; readonly port: { readonly name?: string; readonly number?: number } }
}

interface IngressPath {
  readonly path?: string
  readonly pathType: string
  readonly backend: Backend
}

export interface Ingress {
  readonly metadata: Metadata
  readonly spec: {
    readonly ingressClassName?: string
    readonly defaultBackend?: Backend
    readonly rules?: ReadonlyArray<{ readonly host?: string; readonly http?: { readonly paths: ReadonlyArray<IngressPath> } }>
  }
}

export interface Service {
  readonly metadata: Metadata
  readonly spec: { readonly clusterIP?: string; readonly ports?: ReadonlyArray<{ readonly name?: string; readonly port: number }> }
}

interface Place {
  readonly ingress: Ingress
  readonly path: IngressPath
}

/** By "namespace/name". */
type Services = ReadonlyMap<string, Service>

const prefix = "nginx.ingress.kubernetes.io/"

const asIs = (value: string): string => value
const seconds = (value: string): string => (/^\d+$/.test(value) ? `${value}s` : value)
const directives: ReadonlyArray<readonly [directive: string, annotation: string, fallback: string, write: (value: string) => string]> = [
  ["client_max_body_size", "proxy-body-size", "1m", asIs],
  ["proxy_connect_timeout", "proxy-connect-timeout", "5", seconds],
  ["proxy_read_timeout", "proxy-read-timeout", "60", seconds],
  ["proxy_send_timeout", "proxy-send-timeout", "60", seconds],
  ["proxy_buffering", "proxy-buffering", "off", asIs],
  ["proxy_request_buffering", "proxy-request-buffering", "on", asIs]
]

/** Only what nginx takes as one word may come from an annotation. */
const word = (value: string | undefined, fallback: string): string =>
  value !== undefined && /^[\w.]+$/.test(value) ? value : fallback

const settings = ({ metadata }: Ingress): ReadonlyArray<string> =>
  directives.map(([directive, annotation, fallback, write]) =>
    `      ${directive} ${write(word(metadata.annotations?.[prefix + annotation], fallback))};`)

/** `address:port` of a backend's Service, or undefined when the Service or its port is not there. */
const addressOf = (namespace: string, backend: Backend, services: Services): string | undefined => {
  const service = services.get(`${namespace}/${backend.service?.name}`)
  const { name, number } = backend.service?.port ?? {}
  const port = service?.spec.ports?.find((port) => (name === undefined ? port.port === number : port.name === name))
  const address = service?.spec.clusterIP
  return port === undefined || address === undefined || address === "None" ? undefined : `${address}:${port.port}`
}

const location = ({ ingress, path: { backend, path = "/", pathType } }: Place, services: Services): ReadonlyArray<string> => {
  const address = addressOf(ingress.metadata.namespace, backend, services)
  const act = address === undefined ? ["      return 503;"] : [...settings(ingress), `      proxy_pass http://${address};`]
  const trimmed = path.replace(/\/+$/, "")
  if (!/^\/[\w./~%-]*$/.test(path)) return []
  // Prefix /a matches /a and /a/b, but not /ab.
  const matches = pathType === "Exact" ? [`= ${path}`] : trimmed === "" ? ["/"] : [`= ${trimmed}`, `${trimmed}/`]
  return matches.flatMap((match) => [`    location ${match} {`, ...act, "    }"])
}

const oldestFirst = (a: Ingress, b: Ingress): number =>
  `${a.metadata.creationTimestamp} ${a.metadata.uid}`.localeCompare(`${b.metadata.creationTimestamp} ${b.metadata.uid}`)

/** Paths by host ("" is any host); of two Ingresses that claim the same place the older one has it. */
const placesOf = (ingresses: ReadonlyArray<Ingress>): ReadonlyMap<string, ReadonlyMap<string, Place>> => {
  const hosts = new Map<string, Map<string, Place>>([["", new Map()]])
  const claim = (host: string, ingress: Ingress, path: IngressPath) => {
    const places = hosts.get(host) ?? new Map<string, Place>()
    const place = `${path.pathType === "Exact" ? "=" : ""}${path.path ?? "/"}`
    if (!places.has(place)) places.set(place, { ingress, path })
    hosts.set(host, places)
  }
  for (const ingress of ingresses.toSorted(oldestFirst)) {
    for (const { host = "", http } of ingress.spec.rules ?? []) {
      for (const path of http?.paths ?? []) claim(host, ingress, path)
    }
    const backend = ingress.spec.defaultBackend
    if (backend !== undefined) claim("", ingress, { backend, pathType: "Prefix" })
  }
  return hosts
}

const server = (host: string, places: ReadonlyMap<string, Place>, services: Services, port: number): ReadonlyArray<string> => {
  if (host !== "" && !/^(\*\.)?[\w.-]+$/.test(host)) return []
  const locations = [...places.values()].flatMap((place) => location(place, services))
  const hasRoot = locations.includes("    location / {")
  return [
    "  server {",
    `    listen ${port}${host === "" ? " default_server" : ""};`,
    `    server_name ${host === "" ? "_" : host};`,
    ...locations,
    ...(hasRoot ? [] : ["    location / { return 404; }"]),
    "  }"
  ]
}

export interface NginxInput {
  /** Where nginx may write. */
  readonly folder: string
  readonly ingresses: ReadonlyArray<Ingress>
  readonly port: number
  readonly services: Services
}

export const nginxConf = ({ folder, ingresses, port, services }: NginxInput): string => {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `  ${name}_temp_path ${folder}/${name};`)
  return [
    "daemon off;",
    "worker_processes 1;",
    `pid ${folder}/nginx.pid;`,
    "error_log stderr warn;",
    // Streams that are open when the configuration changes go on in the old worker, but not for ever.
    "worker_shutdown_timeout 600s;",
    "events { worker_connections 4096; }",
    "http {",
    "  access_log off;",
    "  server_tokens off;",
    ...temporary,
    "  proxy_http_version 1.1;",
    "  proxy_set_header Host $http_host;",
    "  proxy_set_header X-Real-IP $remote_addr;",
    "  proxy_set_header X-Forwarded-For $remote_addr;",
    "  proxy_set_header X-Forwarded-Proto $scheme;",
    "  proxy_set_header Connection '';",
    ...[...placesOf(ingresses)].flatMap(([host, places]) => server(host, places, services, port)),
    "}",
    ""
  ].join("\n")
}
