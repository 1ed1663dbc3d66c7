import { Effect } from "effect"
import { errorOf, parseJson, type Status } from "./answers.ts"
import { ApiInvalid, type KubeError } from "./errors.ts"
import type { WatchLine } from "./KubeTransport.ts"
import type { ObjectList, Undecodable, WatchEvent } from "./operations.ts"
import { apiVersionOf, keyOf, type KubeObject, type Resource } from "./resources.ts"

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined

const text = (value: unknown): string => (typeof value === "string" ? value : "")

/** What is left of an object that its kind does not know: enough to name it. */
const undecodable = (value: unknown, problem: string): Undecodable => {
  const metadata = field(value, "metadata")
  return {
    key: keyOf({ metadata: { name: text(field(metadata, "name")), namespace: text(field(metadata, "namespace")) } }),
    uid: text(field(metadata, "uid")),
    resourceVersion: text(field(metadata, "resourceVersion")),
    problem
  }
}

const decoded = <A extends KubeObject>(resource: Resource<A>, value: unknown): Effect.Effect<A | Undecodable> =>
  Effect.match(resource.decode(value), {
    onFailure: (error): A | Undecodable => undecodable(value, error.message),
    onSuccess: (object): A | Undecodable => object
  })

const isUndecodable = (found: object): found is Undecodable => "problem" in found

/** The answer to a read or write of one object. */
export const decodeObject = <A extends KubeObject>(
  resource: Resource<A>,
  operation: string,
  value: unknown
): Effect.Effect<A, ApiInvalid> =>
  Effect.mapError(resource.decode(value), (error) =>
    new ApiInvalid({ operation, reason: `the answer is no ${resource.kind}: ${error.message}`, details: [] }))

export const decodeList = Effect.fnUntraced(function*<A extends KubeObject>(resource: Resource<A>, operation: string, answer: unknown) {
  const values = field(answer, "items")
  const resourceVersion = text(field(field(answer, "metadata"), "resourceVersion"))
  if (!Array.isArray(values) || resourceVersion === "") {
    return yield* new ApiInvalid({ operation, reason: "the answer is no list", details: [] })
  }
  // Items of a list carry no apiVersion and kind of their own when the resource is built in.
  const kinded = { apiVersion: apiVersionOf(resource), kind: resource.kind }
  const found = yield* Effect.forEach(values, (value: object) => decoded(resource, { ...kinded, ...value }))
  const next = text(field(field(answer, "metadata"), "continue"))
  return {
    items: found.filter((each): each is A => !isUndecodable(each)),
    undecodable: found.filter(isUndecodable),
    resourceVersion,
    ...(next === "" ? {} : { continue: next })
  } satisfies ObjectList<A>
})

const changes = { ADDED: "added", MODIFIED: "modified", DELETED: "deleted" } as const

/** One line of a watch. An ERROR ends it; a line that is not understood is reported and passed over. */
export const decodeEvent = <A extends KubeObject>(
  resource: Resource<A>,
  operation: string,
  line: WatchLine
): Effect.Effect<WatchEvent<A>, KubeError> => {
  const strange = (problem: string) =>
    Effect.succeed<WatchEvent<A>>({ type: "undecodable", change: "unknown", found: undecodable(undefined, problem) })
  if ("droppedBytes" in line) return strange(`an event of ${line.droppedBytes} bytes was thrown away`)
  const event = parseJson(line.text)
  const type = field(event, "type")
  const object = field(event, "object")
  if (type === "ERROR") {
    const status = (object ?? {}) as Status
    return Effect.fail(errorOf(operation, status.code ?? 500, status))
  }
  if (type === "BOOKMARK") {
    return Effect.succeed({ type: "bookmark", resourceVersion: text(field(field(object, "metadata"), "resourceVersion")) })
  }
  if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED") return strange("a line that is no event of a watch")
  const change = changes[type]
  return Effect.map(decoded(resource, object), (found): WatchEvent<A> =>
    isUndecodable(found) ? { type: "undecodable", change, found } : { type: change, object: found })
}
