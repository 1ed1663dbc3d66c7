import { isObject, type Json, sameJson } from "./json.ts"
import { type Kind, sets } from "./kinds.ts"

/** Places of values in objects, as server-side apply tells them apart: fields, items by key, items by value. */

type Segment =
  | { readonly field: string }
  | { readonly key: Json }
  | { readonly value: unknown }

export type Path = ReadonlyArray<Segment>

/** As in `managedFields`: `f:spec`, `k:{"name":"agent"}`, `v:"x"`. */
const segmentText = (segment: Segment): string =>
  "field" in segment ? `f:${segment.field}` : "key" in segment ? `k:${JSON.stringify(segment.key)}` : `v:${JSON.stringify(segment.value)}`

export const pathText = (path: Path): string => path.map(segmentText).join("\n")

/** As people read it: `.spec.containers[name="agent"].image`. */
export const pathForPeople = (path: Path): string =>
  path.map((segment) =>
    "field" in segment
      ? `.${segment.field}`
      : "key" in segment
      ? `[${Object.entries(segment.key).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",")}]`
      : `[=${JSON.stringify(segment.value)}]`
  ).join("")

const schemaPath = (path: Path): string => path.map((segment) => ("field" in segment ? segment.field : "*")).join(".")

/** Never anybody's. */
const unowned = new Set([
  "apiVersion",
  "kind",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "metadata.resourceVersion",
  "metadata.generation",
  "metadata.creationTimestamp",
  "metadata.deletionTimestamp",
  "metadata.deletionGracePeriodSeconds",
  "metadata.managedFields",
  "metadata.generateName"
])

/** Every value of an object that can have an owner, by the text of its path. */
export const leavesOf = (kind: Kind, object: Json): Map<string, Path> => {
  const leaves = new Map<string, Path>()
  const visit = (value: unknown, path: Path): void => {
    const where = schemaPath(path)
    if (unowned.has(where)) return
    if (isObject(value) && Object.keys(value).length > 0) {
      for (const [field, inner] of Object.entries(value)) visit(inner, [...path, { field }])
      return
    }
    const keys = kind.listKeys[where]
    if (Array.isArray(value) && value.length > 0 && keys !== undefined) {
      for (const item of value) visit(item, [...path, { key: keyOfItem(item, keys) }])
      return
    }
    if (Array.isArray(value) && value.length > 0 && sets.has(where)) {
      for (const item of value) leaves.set(pathText([...path, { value: item }]), [...path, { value: item }])
      return
    }
    if (path.length > 0) leaves.set(pathText(path), path)
  }
  visit(object, [])
  return leaves
}

/** Its values have owners of their own; only while it is empty does it have one itself. */
export const isGranular = (kind: Kind, path: Path, value: unknown): boolean =>
  isObject(value) || (Array.isArray(value) && (kind.listKeys[schemaPath(path)] !== undefined || sets.has(schemaPath(path))))

const keyOfItem = (item: unknown, keys: ReadonlyArray<string>): Json =>
  Object.fromEntries(keys.map((key) => [key, isObject(item) ? item[key] : undefined]))

const hasKey = (key: Json) => (item: unknown): boolean =>
  isObject(item) && Object.entries(key).every(([name, value]) => sameJson(item[name], value))

const step = (value: unknown, segment: Segment): unknown => {
  if ("field" in segment) return isObject(value) ? value[segment.field] : undefined
  if (!Array.isArray(value)) return undefined
  return "key" in segment ? value.find(hasKey(segment.key)) : value.find((item) => sameJson(item, segment.value))
}

export const valueAt = (object: unknown, path: Path): unknown => path.reduce(step, object)

const replaceItem = (list: ReadonlyArray<unknown>, is: (item: unknown) => boolean, item: unknown): ReadonlyArray<unknown> => {
  const found = list.some(is)
  if (item === undefined) return list.filter((each) => !is(each))
  return found ? list.map((each) => (is(each) ? item : each)) : [...list, item]
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || (isObject(value) ? Object.keys(value).length === 0 : Array.isArray(value) && value.length === 0)

/** The object with another value there; `undefined` removes it, and what is then empty around it. */
export const withValueAt = (object: unknown, path: Path, value: unknown): unknown => {
  const [segment, ...rest] = path
  if (segment === undefined) return value
  const inner = withValueAt(step(object, segment), rest, value)
  const kept = value === undefined && isEmpty(inner) ? undefined : inner
  if ("field" in segment) {
    const { [segment.field]: _, ...others } = isObject(object) ? object : {}
    return kept === undefined ? others : { ...(isObject(object) ? object : {}), [segment.field]: kept }
  }
  const list = Array.isArray(object) ? object : []
  return replaceItem(list, "key" in segment ? hasKey(segment.key) : (item) => sameJson(item, segment.value), kept)
}

/** `fieldsV1`: the paths as one tree. */
export const fieldsTree = (paths: Iterable<Path>): Json => {
  const root: Record<string, unknown> = {}
  for (const path of paths) {
    let at = root
    for (const segment of path) {
      const name = segmentText(segment)
      at[name] ??= {}
      at = at[name] as Record<string, unknown>
    }
  }
  return root
}
