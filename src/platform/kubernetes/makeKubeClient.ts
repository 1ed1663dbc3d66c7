import { Effect, Schedule, Stream } from "effect"
import { errorOf, parseJson, statusOf } from "./answers.ts"
import { decodeEvent, decodeList, decodeObject } from "./decodeObjects.ts"
import { isRetryable, type KubeError, retryAfterMsOf } from "./errors.ts"
import type { ApiRequest, KubeTransport } from "./KubeTransport.ts"
import type { KubeClientShape, ListOptions, WatchEvent, WatchOptions } from "./operations.ts"
import { applyRequest, createRequest, deleteRequest, getRequest, listRequest, patchRequest, watchRequest } from "./requests.ts"
import type { KubeObject, Resource } from "./resources.ts"

/** Reads are tried again this often; whoever needs more has its own patience. */
const readRetries = 2
/** A wish to be left alone for longer is the caller's to grant. */
const retryAfterWaitMaxMs = 10_000

const readPolicy = Schedule.exponential("100 millis").pipe(Schedule.jittered, Schedule.upTo({ times: readRetries }))

const isShort = (error: KubeError): boolean => isRetryable(error) && (retryAfterMsOf(error) ?? 0) <= retryAfterWaitMaxMs

const retryRead = <A>(read: Effect.Effect<A, KubeError>): Effect.Effect<A, KubeError> =>
  Effect.retry(read, {
    schedule: Schedule.addDelay(readPolicy, ({ input }) => Effect.succeed(retryAfterMsOf(input as KubeError) ?? 0)),
    while: isShort
  })

/** The client over a transport. Stateless: what is bounded is bounded in the transport. */
export const makeKubeClient = (transport: KubeTransport): KubeClientShape => {
  const { namespace } = transport

  const send = Effect.fnUntraced(function*(request: ApiRequest) {
    const response = yield* transport.request(request)
    if (response.status < 200 || response.status > 299) {
      return yield* errorOf(request.operation, response.status, statusOf(response.body), response.retryAfter)
    }
    return parseJson(response.body)
  })

  const object = <A extends KubeObject>(resource: Resource<A>, request: ApiRequest, answer: Effect.Effect<unknown, KubeError>) =>
    Effect.flatMap(answer, (value) => decodeObject(resource, request.operation, value))

  const write = <A extends KubeObject>(resource: Resource<A>, request: ApiRequest) => object(resource, request, send(request))

  const read = <A extends KubeObject>(resource: Resource<A>, request: ApiRequest) =>
    object(resource, request, retryRead(send(request)))

  const list = Effect.fn("KubeClient.list")(function*<A extends KubeObject>(resource: Resource<A>, options: ListOptions = {}) {
    const request = listRequest(resource, namespace, options)
    return yield* decodeList(resource, request.operation, yield* retryRead(send(request)))
  })

  const watch = Effect.fnUntraced(function*<A extends KubeObject>(resource: Resource<A>, options: WatchOptions) {
    const request = watchRequest(resource, namespace, options)
    const opened = yield* transport.open(request)
    if (opened.status !== 200) {
      return yield* errorOf(request.operation, opened.status, statusOf(opened.body), opened.retryAfter)
    }
    return Stream.concat(
      Stream.succeed<WatchEvent<A>>({ type: "opened" }),
      Stream.mapEffect(opened.lines, (line) => decodeEvent(resource, request.operation, line))
    )
  })

  return {
    namespace,
    get: Effect.fn("KubeClient.get")((resource, name) => read(resource, getRequest(resource, namespace, name))),
    list,
    create: Effect.fn("KubeClient.create")((resource, draft, options = {}) =>
      write(resource, createRequest(resource, namespace, draft, options))),
    delete: Effect.fn("KubeClient.delete")((resource, name, options = {}) =>
      Effect.asVoid(send(deleteRequest(resource, namespace, name, options)))),
    apply: Effect.fn("KubeClient.apply")((resource, draft, options) =>
      write(resource, applyRequest(resource, namespace, draft, options))),
    patch: Effect.fn("KubeClient.patch")((resource, name, patch, options = {}) =>
      write(resource, patchRequest(resource, namespace, name, { ...options, patch }))),
    scale: Effect.fn("KubeClient.scale")((resource, name, replicas) =>
      Effect.asVoid(send(patchRequest(resource, namespace, name, { patch: { spec: { replicas } }, subresource: "scale" })))),
    watch: (resource, options) => Stream.unwrap(watch(resource, options))
  }
}
