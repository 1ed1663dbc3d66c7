import { fieldsTree, isGranular, leavesOf, type Path, pathForPeople, valueAt, withValueAt } from "./fieldPaths.ts"
import { isObject, type Json, sameJson } from "./json.ts"
import type { Kind } from "./kinds.ts"

/** Who owns which values of an object: the rules of server-side apply. Pure. */

export interface Manager {
  readonly name: string
  readonly operation: "Apply" | "Update"
  readonly subresource: string
}

export interface Owner extends Manager {
  readonly paths: ReadonlyMap<string, Path>
  readonly time: string
}

export type Ownership = ReadonlyArray<Owner>

const isSame = (left: Manager, right: Manager) =>
  left.name === right.name && left.operation === right.operation && left.subresource === right.subresource

const without = (paths: ReadonlyMap<string, Path>, gone: ReadonlySet<string>): ReadonlyMap<string, Path> =>
  new Map([...paths].filter(([text]) => !gone.has(text)))

const withOwner = (ownership: Ownership, owner: Owner): Ownership =>
  [...ownership.filter((other) => !isSame(other, owner)), owner].filter(({ paths }) => paths.size > 0)

const samePaths = (left: ReadonlyMap<string, Path>, right: ReadonlyMap<string, Path>) =>
  left.size === right.size && [...left.keys()].every((text) => right.has(text))

export const sameOwnership = (left: Ownership, right: Ownership): boolean =>
  left.length === right.length &&
  left.every((owner) => right.some((other) => isSame(owner, other) && samePaths(owner.paths, other.paths)))

export interface Conflict {
  readonly manager: string
  readonly field: string
}

export interface Applied {
  readonly object: Json
  readonly ownership: Ownership
  readonly conflicts: ReadonlyArray<Conflict>
}

/** What `manager` applies is set and then its own; what it applied before and does not now goes, unless others own it too. */
export const applyConfiguration = (
  kind: Kind,
  live: { readonly object: Json; readonly ownership: Ownership },
  applied: Json,
  by: { readonly manager: Manager; readonly force: boolean; readonly time: string }
): Applied => {
  const wanted = leavesOf(kind, applied)
  const others = live.ownership.filter((owner) => !isSame(owner, by.manager))
  const differs = (text: string) => {
    const path = wanted.get(text)
    if (path === undefined || isGranular(kind, path, valueAt(live.object, path))) return false
    return !sameJson(valueAt(live.object, path), valueAt(applied, path))
  }
  const contested = others.flatMap((owner) =>
    [...owner.paths].filter(([text]) => differs(text)).map(([text, path]) => ({ text, manager: owner.name, field: pathForPeople(path) }))
  )
  const conflicts = by.force ? [] : contested.map(({ field, manager }) => ({ manager, field }))
  const taken = new Set(contested.map(({ text }) => text))
  const rest = others.map((owner) => ({ ...owner, paths: without(owner.paths, taken) }))

  const before = live.ownership.find((owner) => isSame(owner, by.manager))?.paths ?? new Map<string, Path>()
  const isOwned = (text: string) => rest.some(({ paths }) => paths.has(text))
  let object: unknown = live.object
  for (const [text, path] of before) {
    if (!wanted.has(text) && !isOwned(text) && !isGranular(kind, path, valueAt(object, path))) object = withValueAt(object, path, undefined)
  }
  for (const path of wanted.values()) {
    if (!isGranular(kind, path, valueAt(object, path))) object = withValueAt(object, path, valueAt(applied, path))
  }
  return {
    object: isObject(object) ? object : live.object,
    ownership: withOwner(rest, { ...by.manager, time: by.time, paths: wanted }),
    conflicts
  }
}

/** After a write that is no apply: what it changed is the writer's, and nobody else's. */
export const updateOwnership = (
  kind: Kind,
  live: { readonly object: Json; readonly ownership: Ownership },
  next: Json,
  by: { readonly manager: Manager; readonly time: string }
): Ownership => {
  const before = leavesOf(kind, live.object)
  const after = leavesOf(kind, next)
  const changed = new Map([...after].filter(([text, path]) => !before.has(text) || !sameJson(valueAt(live.object, path), valueAt(next, path))))
  const gone = new Set([...changed.keys(), ...[...before.keys()].filter((text) => !after.has(text))])
  if (gone.size === 0) return live.ownership
  const own = live.ownership.find((owner) => isSame(owner, by.manager))?.paths ?? new Map<string, Path>()
  const rest = live.ownership.map((owner) => ({ ...owner, paths: without(owner.paths, gone) })).filter(({ paths }) => paths.size > 0)
  return withOwner(rest, { ...by.manager, time: by.time, paths: new Map([...without(own, gone), ...changed]) })
}

export const managedFields = (kind: Kind, ownership: Ownership): ReadonlyArray<Json> =>
  ownership.map(({ name, operation, paths, subresource, time }) => ({
    manager: name,
    operation,
    apiVersion: kind.group === "" ? kind.version : `${kind.group}/${kind.version}`,
    time,
    fieldsType: "FieldsV1",
    fieldsV1: fieldsTree(paths.values()),
    ...(subresource === "" ? {} : { subresource })
  }))
