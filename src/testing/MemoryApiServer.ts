import { Clock, Effect, type Scope, Stream } from "effect"
import { ApiUnavailable } from "../platform/kubernetes/errors.ts"
import type { ApiRequest, ApiResponse, KubeTransport, OpenWatch } from "../platform/kubernetes/KubeTransport.ts"
import { type Faults, noFaults, type RequestFault } from "./apiserver/faults.ts"
import { isObject, type Json, objectAt, textAt } from "./apiserver/json.ts"
import { listPage, scaleOf, shown } from "./apiserver/reads.ts"
import { type Route, routeOf } from "./apiserver/routes.ts"
import { badRequest, notFound, StatusFailure } from "./apiserver/status.ts"
import { Store, type Stored } from "./apiserver/store.ts"
import { openWatch, type Watching } from "./apiserver/watches.ts"
import { apply, create, destroy, patch, type Target, type Writer } from "./apiserver/writes.ts"

/**
 * A Kubernetes API server in memory: pods, events, config maps, leases and GpuPools, with the rules that controllers live
 * by. No controllers, no scheduler, no kubelets, no access rules. test/conformance holds it against the real one.
 */
export interface MemoryApiServer {
  /** What there is and was; tests may look and write past all rules. */
  readonly store: Store
  readonly faults: Faults
  /** The last 10,000. */
  readonly requests: ReadonlyArray<ApiRequest>
  readonly watches: ReadonlySet<Watching>
  readonly transport: KubeTransport
  /** The past is forgotten: watches from it, and pages of it, are `410 Gone`. */
  readonly compact: () => void
}

const requestsMax = 10_000

const hanging = Effect.never

const broken = ({ operation }: ApiRequest) => new ApiUnavailable({ operation, reason: "connection reset" })

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
const now = Effect.map(Clock.currentTimeMillis, (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z"))

const parse = (text: string | undefined): Json | StatusFailure => {
  if (text === undefined || text === "") return {}
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) ? parsed : badRequest("the body is no object")
  } catch {
    return badRequest("the body is no JSON")
  }
}

const scaled = (store: Store, route: Route, body: Json, writer: Writer): Stored | StatusFailure => {
  const replicas = objectAt(body, "spec")["replicas"]
  if (typeof replicas !== "number" || replicas < 0) return badRequest("spec.replicas must be a number that is not negative")
  return patch(store, { ...route, subresource: "" }, { spec: { replicas } }, writer)
}

const written = (store: Store, request: ApiRequest, route: Route, writer: Writer): Stored | StatusFailure => {
  const body = parse(request.body)
  if (body instanceof StatusFailure) return body
  const target: Target = { ...route, subresource: route.subresource === "status" ? "status" : "" }
  const named = textAt(objectAt(body, "metadata"), "name")
  switch (request.method) {
    case "POST":
      return named === "" ? badRequest("metadata.name is required") : create(store, { ...target, name: named }, body, writer)
    case "DELETE":
      return destroy(store, target, body, writer)
    case "PATCH":
      if (route.subresource === "scale") return scaled(store, route, body, writer)
      if (request.contentType === "application/merge-patch+json") return patch(store, target, body, writer)
      if (request.contentType !== "application/apply-patch+yaml") return new StatusFailure(415, "UnsupportedMediaType", `${request.contentType} is not supported`)
      return writer.manager === "" ? badRequest("fieldManager is required for apply patch") : apply(store, target, body, writer)
    default:
      return new StatusFailure(405, "MethodNotAllowed", `${request.method} is not supported`)
  }
}

const read = (store: Store, route: Route, asOf?: number): Json | StatusFailure => {
  if (route.name === "") return listPage(store, route, asOf)
  const stored = store.get(route.kind, route.namespace, route.name)
  if (stored === undefined) return notFound(route.kind.plural, route.name)
  return route.subresource === "scale" ? scaleOf(stored) : shown(route.kind, stored)
}

const answerTo = (store: Store, request: ApiRequest, at: { readonly now: string; readonly asOf?: number }): ApiResponse => {
  const route = routeOf(request)
  const answer = (status: number, body: Json): ApiResponse => ({ status, body: JSON.stringify(body) })
  if (route === undefined) return answer(404, notFound("the server could not find the requested resource", request.path).body)
  if (request.method === "GET") {
    const found = read(store, route, at.asOf)
    return found instanceof StatusFailure ? answer(found.code, found.body) : answer(200, found)
  }
  const writer = {
    manager: route.query.get("fieldManager") ?? (request.contentType === "application/apply-patch+yaml" ? "" : "unknown"),
    force: route.query.get("force") === "true",
    dryRun: route.query.get("dryRun") === "All",
    now: at.now
  }
  const stored = written(store, request, route, writer)
  if (stored instanceof StatusFailure) return answer(stored.code, stored.body)
  const isNew = request.method === "POST"
  return answer(isNew ? 201 : 200, route.subresource === "scale" ? scaleOf(stored) : shown(route.kind, stored))
}

/** `namespace` is the one that its transport's client sees; `bookmarkMs` the time between bookmarks. */
export const makeMemoryApiServer = (
  { bookmarkMs = 60_000, namespace = "default" }: { readonly bookmarkMs?: number; readonly namespace?: string } = {}
): MemoryApiServer => {
  const store = new Store()
  const faults = noFaults()
  const requests: Array<ApiRequest> = []
  const watches = new Set<Watching>()

  const note = (request: ApiRequest): RequestFault | undefined => {
    requests.push(request)
    if (requests.length > requestsMax) requests.shift()
    return faults.request(request)
  }

  const request = Effect.fnUntraced(function*(request: ApiRequest): Effect.fn.Return<ApiResponse, ApiUnavailable> {
    const fault = note(request)
    if (fault === "reset") return yield* broken(request)
    if (typeof fault === "object" && "answer" in fault) return { body: "", ...fault.answer }
    if (typeof fault === "object" && "delayMs" in fault) yield* Effect.sleep(fault.delayMs)
    const asOf = typeof fault === "object" && "asOf" in fault ? { asOf: fault.asOf } : {}
    const response = answerTo(store, request, { now: yield* now, ...asOf })
    if (fault === "lost") return yield* broken(request)
    return fault === "hang" ? yield* hanging : response
  })

  const open = Effect.fnUntraced(function*(request: ApiRequest): Effect.fn.Return<OpenWatch, ApiUnavailable, Scope.Scope> {
    const fault = note(request)
    if (fault === "reset" || fault === "lost") return yield* broken(request)
    if (fault === "hang") return yield* hanging
    if (typeof fault === "object" && "answer" in fault) return { body: "", ...fault.answer, lines: Stream.empty }
    if (typeof fault === "object" && "delayMs" in fault) yield* Effect.sleep(fault.delayMs)
    const route = routeOf(request)
    if (route === undefined) return { status: 404, body: JSON.stringify(notFound("resource", request.path).body), lines: Stream.empty }
    return yield* openWatch({ store, faults, watches, bookmarkMs }, request, route)
  })

  return { store, faults, requests, watches, transport: { namespace, request, open }, compact: () => store.compact() }
}
