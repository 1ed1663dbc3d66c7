import { Array as Arr, Clock, Effect, type Scope, Semaphore, Stream } from "effect"
import { createHash } from "node:crypto"
import { type Dispatcher, Pool } from "undici"
import { ApiUnavailable } from "./errors.ts"
import type { Credentials, Endpoint, TlsOptions } from "./kubeConfig.ts"
import type { ApiRequest, ApiResponse, KubeTransport, OpenWatch, WatchLine } from "./KubeTransport.ts"
import { WatchLines } from "./watchLines.ts"

/** Requests at once, and so the connections kept for them; more wait. */
const requestConnections = 16
/** For urgent requests alone. */
const urgentConnections = 2
/** Each watch has a connection of its own while it lasts. */
const watchConnections = 32
/** From asking for a connection to the last byte. */
const requestTimeoutMs = 30_000
const connectTimeoutMs = 10_000
/** Shorter than what servers and load balancers usually allow: the side that closes first knows it. */
const idleConnectionMs = 30_000
const keepAliveProbeMs = 15_000
/** A page of 500 large pods is about 10 MiB. */
const bodyMaxBytes = 64 * 1024 * 1024
/** A failed watch answers with a Status. */
const failedWatchMaxBytes = 64 * 1024
const credentialsMaxAgeMs = 60_000

/** One set of connections: client-node would make one for every call. */
interface Connections {
  readonly key: string
  readonly requests: Pool
  readonly urgent: Pool
  readonly watches: Pool
}

/** What the next request goes out with. */
interface InUse {
  readonly connections: Connections
  readonly credentials: Credentials
  readonly readAtMs: number
}

const connect = (origin: string, tls: TlsOptions, key: string): Connections => {
  const pool = (connections: number, bodyTimeout: number) =>
    new Pool(origin, {
      connections,
      pipelining: 1,
      // A connection a watch, so that one that hangs is one watch's; requests are few.
      allowH2: false,
      headersTimeout: requestTimeoutMs,
      bodyTimeout,
      connectTimeout: connectTimeoutMs,
      keepAliveTimeout: idleConnectionMs,
      keepAliveMaxTimeout: idleConnectionMs,
      connect: { ...tls, keepAlive: true, keepAliveInitialDelay: keepAliveProbeMs }
    })
  // How long a watch may be silent is its reader's to say.
  return {
    key,
    requests: pool(requestConnections, requestTimeoutMs),
    urgent: pool(urgentConnections, requestTimeoutMs),
    watches: pool(watchConnections, 0)
  }
}

const poolsOf = ({ requests, urgent, watches }: Connections): ReadonlyArray<Pool> => [requests, urgent, watches]

const keyOf = (tls: TlsOptions): string => createHash("sha256").update(JSON.stringify(tls)).digest("hex")

const describe = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const inner = cause.cause instanceof Error ? ` (${cause.cause.message})` : ""
  const code = "code" in cause ? `${String(cause.code)}: ` : ""
  return `${code}${cause.message || cause.name}${inner}`
}

const unavailable = (operation: string) => (cause: unknown) => new ApiUnavailable({ operation, reason: describe(cause) })

const bytesOf = async (body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> => {
  const parts: Array<Buffer> = []
  let bytes = 0
  for await (const part of body) {
    bytes += part.byteLength
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString("utf8")
}

const retryAfterOf = (headers: Dispatcher.ResponseData["headers"]): { readonly retryAfter?: string } => {
  const value = headers["retry-after"]
  return typeof value === "string" ? { retryAfter: value } : {}
}

/** The lines that came in one chunk, together. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<Arr.NonEmptyReadonlyArray<WatchLine>> {
  const lines = new WatchLines()
  for await (const chunk of body) {
    const complete = lines.push(chunk)
    if (Arr.isReadonlyArrayNonEmpty(complete)) yield complete
  }
}

/** Connections that follow the credentials: a renewed client certificate gets new ones, the old ones finish their work. */
const makeConnections = Effect.fnUntraced(function*(endpoint: Endpoint, origin: string) {
  const open = new Set<Connections>()
  let current: InUse | undefined
  const oneAtATime = yield* Semaphore.make(1)

  yield* Effect.addFinalizer(() =>
    Effect.promise(() => Promise.all([...open].flatMap((one) => poolsOf(one).map((pool) => pool.destroy())))))

  const retire = (connections: Connections) => {
    void Promise.allSettled(poolsOf(connections).map((pool) => pool.close())).then(() => open.delete(connections))
  }

  const renew = Effect.gen(function*() {
    const credentials = yield* endpoint.credentials
    const key = keyOf(credentials.tls)
    const old = current?.connections
    const connections = old?.key === key ? old : connect(origin, credentials.tls, key)
    open.add(connections)
    if (old !== undefined && old !== connections) retire(old)
    current = { connections, credentials, readAtMs: yield* Clock.currentTimeMillis }
    return current
  })

  /** `refused`: the credentials that a request was refused with, so newer ones are wanted. */
  return Effect.fnUntraced(function*(refused?: Credentials) {
    const nowMs = yield* Clock.currentTimeMillis
    if (current !== undefined && current.credentials !== refused && nowMs - current.readAtMs < credentialsMaxAgeMs) return current
    return yield* oneAtATime.withPermit(renew)
  })
})

/**
 * HTTP/1.1 over a bounded number of connections, opened once and reused; all of them end with the scope. `userAgent`
 * names this program in the API server's audit log.
 */
export const httpTransport = Effect.fnUntraced(function*(endpoint: Endpoint, userAgent: string) {
  const url = new URL(endpoint.server)
  const prefix = url.pathname.replace(/\/+$/, "")
  const connections = yield* makeConnections(endpoint, url.origin)
  const requestSlots = yield* Semaphore.make(requestConnections)
  const urgentSlots = yield* Semaphore.make(urgentConnections)
  const watchSlots = yield* Semaphore.make(watchConnections)

  const dispatch = (pool: Pool, credentials: Credentials, request: ApiRequest, signal: AbortSignal) =>
    pool.request({
      path: prefix + request.path,
      method: request.method,
      headers: {
        accept: "application/json",
        "user-agent": userAgent,
        ...credentials.headers,
        ...(request.contentType === undefined ? {} : { "content-type": request.contentType })
      },
      body: request.body ?? null,
      // undici would end a connection after a DELETE with a body, which some servers do not expect; this one does.
      reset: false,
      signal
    })

  const usable = (operation: string, refused?: Credentials) =>
    Effect.mapError(connections(refused), ({ reason }) => new ApiUnavailable({ operation, reason }))

  const late = (operation: string) =>
    Effect.timeoutOrElse({
      duration: requestTimeoutMs,
      orElse: () => Effect.fail(new ApiUnavailable({ operation, reason: `no answer within ${requestTimeoutMs} ms` }))
    })

  const attempt = Effect.fnUntraced(function*(request: ApiRequest, refused?: Credentials) {
    const { connections, credentials } = yield* usable(request.operation, refused)
    const response = yield* Effect.tryPromise({
      try: async (signal): Promise<ApiResponse> => {
        const { body, headers, statusCode } = await dispatch(
          request.urgent === true ? connections.urgent : connections.requests, credentials, request, signal
        )
        return { status: statusCode, ...retryAfterOf(headers), body: await bytesOf(body, bodyMaxBytes) }
      },
      catch: unavailable(request.operation)
    })
    return { response, credentials }
  })

  const request = (request: ApiRequest) =>
    attempt(request).pipe(
      // Nothing was done: the token may have been renewed since it was read.
      Effect.flatMap((first) => (first.response.status === 401 ? attempt(request, first.credentials) : Effect.succeed(first))),
      Effect.map(({ response }) => response),
      (request.urgent === true ? urgentSlots : requestSlots).withPermit,
      late(request.operation)
    )

  const opened = (request: ApiRequest, { connections, credentials }: InUse, signal: AbortSignal) =>
    Effect.tryPromise({
      try: async (): Promise<OpenWatch> => {
        const { body, headers, statusCode } = await dispatch(connections.watches, credentials, request, signal)
        // An aborted body says so even when nobody reads it.
        body.on("error", () => {})
        if (statusCode !== 200) {
          return { status: statusCode, ...retryAfterOf(headers), body: await bytesOf(body, failedWatchMaxBytes), lines: Stream.empty }
        }
        const lines = Stream.flattenArray(Stream.fromAsyncIterable(linesOf(body), unavailable(request.operation)))
        return { status: statusCode, body: "", lines }
      },
      catch: unavailable(request.operation)
    })

  const open = Effect.fnUntraced(function*(request: ApiRequest): Effect.fn.Return<OpenWatch, ApiUnavailable, Scope.Scope> {
    yield* Effect.acquireRelease(watchSlots.take(1), () => watchSlots.release(1), { interruptible: true })
    const abort = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (controller) => Effect.sync(() => controller.abort())
    )
    const inUse = yield* usable(request.operation)
    const first = yield* opened(request, inUse, abort.signal)
    if (first.status !== 401) return first
    return yield* opened(request, yield* usable(request.operation, inUse.credentials), abort.signal)
  })

  return {
    namespace: endpoint.namespace,
    request,
    open: (request) => late(request.operation)(open(request))
  } satisfies KubeTransport
})
