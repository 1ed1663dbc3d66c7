import { Effect, Exit, Scope, Stream } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import type { Endpoint } from "../../platform/kubernetes/kubeConfig.ts"
import type { ApiRequest, KubeTransport } from "../../platform/kubernetes/KubeTransport.ts"

const bodyMaxBytes = 3 * 1024 * 1024

const methods = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"])

const requestOf = async (incoming: IncomingMessage): Promise<ApiRequest> => {
  const parts: Array<Buffer> = []
  let bytes = 0
  for await (const part of incoming) {
    const chunk = Buffer.from(part)
    bytes += chunk.byteLength
    if (bytes > bodyMaxBytes) throw new Error(`a body of more than ${bodyMaxBytes} bytes`)
    parts.push(chunk)
  }
  const { headers, method = "GET", url = "/" } = incoming
  if (!methods.has(method)) throw new Error(`the method ${method}`)
  return {
    operation: `${method} ${url}`,
    method: method as ApiRequest["method"],
    path: url,
    ...(headers["content-type"] === undefined ? {} : { contentType: headers["content-type"] }),
    ...(bytes === 0 ? {} : { body: Buffer.concat(parts).toString("utf8") })
  }
}

const headersOf = (retryAfter: string | undefined) => ({
  "content-type": "application/json",
  ...(retryAfter === undefined ? {} : { "retry-after": retryAfter })
})

const answer = (transport: KubeTransport, request: ApiRequest, response: ServerResponse) =>
  Effect.map(transport.request(request), ({ body, retryAfter, status }) => {
    response.writeHead(status, headersOf(retryAfter)).end(body)
  })

const watch = (transport: KubeTransport, request: ApiRequest, response: ServerResponse) =>
  Effect.gen(function*() {
    const opened = yield* transport.open(request)
    response.writeHead(opened.status, headersOf(opened.retryAfter))
    response.flushHeaders()
    yield* Stream.runForEach(opened.lines, (line) => Effect.sync(() => "text" in line && response.write(`${line.text}\n`)))
    response.end(opened.body)
  }).pipe(Effect.scoped)

export interface ServedApi {
  readonly endpoint: Endpoint
  /** Connections that are open now. */
  readonly sockets: () => number
  /** Connections opened since the start. */
  readonly opened: () => number
}

/** The in-memory API server on a loopback port, in plain HTTP, for as long as the scope is open. */
export const serveMemoryApi = Effect.fnUntraced(function*(transport: KubeTransport): Effect.fn.Return<ServedApi, never, Scope.Scope> {
  const sockets = new Set<Socket>()
  let opened = 0
  const context = yield* Effect.context<never>()
  const server = createServer((incoming, response) => {
    const handled = Effect.flatMap(Effect.promise(() => requestOf(incoming)), (request) =>
      request.path.includes("watch=true") ? watch(transport, request, response) : answer(transport, request, response))
    const fiber = Effect.runForkWith(context)(handled)
    fiber.addObserver((exit) => {
      if (Exit.isFailure(exit)) incoming.socket.destroy()
    })
    response.on("close", () => fiber.interruptUnsafe())
  })
  // Longer than any client's own: who leaves connections open is found out.
  server.keepAliveTimeout = 120_000
  server.on("connection", (socket) => {
    opened += 1
    sockets.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => sockets.delete(socket))
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    () =>
      Effect.promise(() =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
          for (const socket of sockets) socket.destroy()
        })
      )
  )
  const { port } = server.address() as AddressInfo
  return {
    endpoint: {
      server: `http://127.0.0.1:${port}`,
      namespace: transport.namespace,
      credentials: Effect.succeed({ tls: {}, headers: {} })
    },
    sockets: () => sockets.size,
    opened: () => opened
  }
})
