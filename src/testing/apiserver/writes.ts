import { isObject, type Json, mergePatch, objectAt, sameJson, textAt } from "./json.ts"
import type { Kind } from "./kinds.ts"
import { applyConfiguration, type Manager, sameOwnership, updateOwnership } from "./ownership.ts"
import { badRequest, changed, conflict, exists, invalid, notFound, StatusFailure } from "./status.ts"
import type { Store, Stored } from "./store.ts"

/** The rules of create, patch, apply and delete. Failures are returned as StatusFailure. */

export interface Target {
  readonly kind: Kind
  readonly namespace: string
  readonly name: string
  readonly subresource: "" | "status"
}

export interface Writer {
  readonly manager: string
  readonly force: boolean
  readonly dryRun: boolean
  /** RFC 3339. */
  readonly now: string
}

const writerOf = (writer: Writer, operation: "Apply" | "Update", subresource: string): Manager => ({
  name: writer.manager,
  operation,
  subresource
})

const metadataOf = (object: Json): Json => objectAt(object, "metadata")

const withMetadata = (object: Json, metadata: Json): Json => ({ ...object, metadata: { ...metadataOf(object), ...metadata } })

const isDeleting = (object: Json): boolean => textAt(metadataOf(object), "deletionTimestamp") !== ""

const finalizersOf = (object: Json): ReadonlyArray<unknown> => {
  const finalizers = metadataOf(object)["finalizers"]
  return Array.isArray(finalizers) ? finalizers : []
}

/** Metadata that only the server writes stays as it is. */
const serverOwned = ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion"]

const keepServerOwned = (before: Json, after: Json): Json => {
  const metadata: Record<string, unknown> = { ...metadataOf(after) }
  delete metadata["managedFields"]
  for (const name of serverOwned) {
    if (name in metadataOf(before)) metadata[name] = metadataOf(before)[name]
    else delete metadata[name]
  }
  return { ...after, metadata }
}

/** A write to an object says nothing about its status, and one to the status nothing about the rest. */
const separated = (kind: Kind, subresource: string, before: Json, after: Json): Json => {
  if (!kind.hasStatus) return after
  const { status: oldStatus, ...oldRest } = before
  const { status: newStatus, ...newRest } = after
  const status = subresource === "status" ? newStatus : oldStatus
  const rest = subresource === "status" ? oldRest : newRest
  return status === undefined ? rest : { ...rest, status }
}

const withoutMetadataAndStatus = (object: Json) => {
  const { metadata: _, status: __, ...rest } = object
  return rest
}

const counted = (kind: Kind, before: Json, after: Json): Json => {
  if (!kind.hasGeneration || sameJson(withoutMetadataAndStatus(before), withoutMetadataAndStatus(after))) return after
  return withMetadata(after, { generation: Number(metadataOf(before)["generation"] ?? 0) + 1 })
}

const storeNew = (store: Store, target: Target, { object, ownership }: Stored, writer: Writer): Stored | StatusFailure => {
  const { kind, name, namespace } = target
  const admitted = kind.admit(separated(kind, "", {}, object))
  if ("causes" in admitted) return invalid(kind.kind, name, admitted.causes)
  const stamped = withMetadata(admitted.object, {
    name,
    namespace,
    uid: store.nextUid(),
    creationTimestamp: writer.now,
    ...(kind.hasGeneration ? { generation: 1 } : {})
  })
  if (writer.dryRun) return { object: withMetadata(stamped, { resourceVersion: "" }), ownership }
  const change = store.commit(target, (resourceVersion) => ({ object: withMetadata(stamped, { resourceVersion }), ownership }))
  return change.after ?? notFound(kind.plural, name)
}

/** Stores `after` in place of `live`, unless that changes nothing; an object whose last finalizer goes, goes. */
const storeOver = (
  store: Store,
  target: Target,
  { live, next }: { readonly live: Stored; readonly next: Stored },
  writer: Writer
): Stored | StatusFailure => {
  const { kind, name, subresource } = target
  const kept = keepServerOwned(live.object, separated(kind, subresource, live.object, next.object))
  const admitted = kind.admit(kept)
  if ("causes" in admitted) return invalid(kind.kind, name, admitted.causes)
  const object = counted(kind, live.object, admitted.object)
  if (isDeleting(live.object) && finalizersOf(object).some((each) => !finalizersOf(live.object).includes(each))) {
    return invalid(kind.kind, name, [{ field: "metadata.finalizers", message: "Forbidden: no new finalizers can be added if the object is being deleted" }])
  }
  if (sameJson(object, live.object) && sameOwnership(next.ownership, live.ownership)) return live
  if (writer.dryRun) return { object, ownership: next.ownership }
  const isGone = isDeleting(object) && finalizersOf(object).length === 0 && metadataOf(object)["deletionGracePeriodSeconds"] === 0
  if (isGone) return remove(store, target, { object, ownership: next.ownership })
  const change = store.commit(target, (resourceVersion) => ({ object: withMetadata(object, { resourceVersion }), ownership: next.ownership }))
  return change.after ?? notFound(kind.plural, name)
}

const remove = (store: Store, target: Target, last: Stored): Stored => {
  store.commit(target, () => undefined)
  return last
}

export const create = (store: Store, target: Target, object: Json, writer: Writer): Stored | StatusFailure => {
  const { kind, name, namespace } = target
  if (store.get(kind, namespace, name) !== undefined) return exists(kind.plural, name)
  if (textAt(metadataOf(object), "resourceVersion") !== "") return badRequest("resourceVersion should not be set on objects to be created")
  const by = { manager: writerOf(writer, "Update", ""), time: writer.now }
  const fresh = separated(kind, "", {}, object)
  return storeNew(store, target, { object: fresh, ownership: updateOwnership(kind, { object: {}, ownership: [] }, fresh, by) }, writer)
}

/** The version that a write was made for, if it says so, must be the present one. */
const isOutdated = (live: Json, written: Json): boolean => {
  const version = textAt(metadataOf(written), "resourceVersion")
  return version !== "" && version !== textAt(metadataOf(live), "resourceVersion")
}

const isForAnother = (live: Json, written: Json): boolean => {
  const uid = textAt(metadataOf(written), "uid")
  return uid !== "" && uid !== textAt(metadataOf(live), "uid")
}

export const patch = (store: Store, target: Target, body: Json, writer: Writer): Stored | StatusFailure => {
  const { kind, name, namespace, subresource } = target
  const live = store.get(kind, namespace, name)
  if (live === undefined) return notFound(kind.plural, name)
  if (isOutdated(live.object, body)) return changed(kind.plural, name)
  if (isForAnother(live.object, body)) return conflict(kind.plural, name, "the UID in the precondition does not match the UID in record")
  const merged = mergePatch(live.object, body)
  const object = keepServerOwned(live.object, separated(kind, subresource, live.object, isObject(merged) ? merged : {}))
  const ownership = updateOwnership(kind, live, object, { manager: writerOf(writer, "Update", subresource), time: writer.now })
  return storeOver(store, target, { live, next: { object, ownership } }, writer)
}

export const apply = (store: Store, target: Target, body: Json, writer: Writer): Stored | StatusFailure => {
  const { kind, name, namespace, subresource } = target
  const live = store.get(kind, namespace, name)
  if (live !== undefined && isOutdated(live.object, body)) return changed(kind.plural, name)
  const by = { manager: writerOf(writer, "Apply", subresource), force: writer.force, time: writer.now }
  const configuration = separated(kind, subresource, {}, body)
  if (live === undefined) {
    if (subresource !== "") return notFound(kind.plural, name)
    if (textAt(metadataOf(body), "uid") !== "") return conflict(kind.plural, name, "uid mismatch: the object does not exist")
    const nothing = { apiVersion: body["apiVersion"], kind: body["kind"], metadata: { name, namespace } }
    const fresh = applyConfiguration(kind, { object: nothing, ownership: [] }, configuration, by)
    return storeNew(store, target, fresh, writer)
  }
  if (isForAnother(live.object, body)) return conflict(kind.plural, name, "uid mismatch")
  const applied = applyConfiguration(kind, live, configuration, by)
  if (applied.conflicts.length > 0) return applyConflict(applied.conflicts)
  return storeOver(store, target, { live, next: applied }, writer)
}

const applyConflict = (conflicts: ReadonlyArray<{ readonly manager: string; readonly field: string }>) => {
  const causes = conflicts.map(({ field, manager }) => ({ reason: "FieldManagerConflict", field, message: `conflict with "${manager}"` }))
  const words = causes.map(({ field, message }) => `${message}: ${field}`).join("\n")
  return new StatusFailure(409, "Conflict", `Apply failed with ${causes.length} conflict${causes.length === 1 ? "" : "s"}: ${words}`, { causes })
}

/** A running pod's kubelet has the grace period to end it; any other object, and a pod on no node, goes at once. */
const graceOf = (kind: Kind, object: Json, asked: unknown): number => {
  const ended = ["Succeeded", "Failed"].includes(textAt(objectAt(object, "status"), "phase"))
  if (!kind.isGraceful || ended || textAt(objectAt(object, "spec"), "nodeName") === "") return 0
  if (typeof asked === "number") return asked
  const own = objectAt(object, "spec")["terminationGracePeriodSeconds"]
  return typeof own === "number" ? own : 30
}

const after = (now: string, seconds: number): string =>
  new Date(Date.parse(now) + seconds * 1_000).toISOString().replace(/\.\d+Z$/, "Z")

export const destroy = (store: Store, target: Target, options: Json, writer: Writer): Stored | StatusFailure => {
  const { kind, name, namespace } = target
  const live = store.get(kind, namespace, name)
  if (live === undefined) return notFound(kind.plural, name)
  const preconditions = { metadata: objectAt(options, "preconditions") }
  if (isForAnother(live.object, preconditions)) {
    return conflict(kind.plural, name, "the UID in the precondition does not match the UID in record. The object might have been deleted and then recreated")
  }
  if (isOutdated(live.object, preconditions)) {
    return conflict(kind.plural, name, "the ResourceVersion in the precondition does not match the ResourceVersion in record. The object might have been modified")
  }
  if (writer.dryRun) return live
  const grace = graceOf(kind, live.object, options["gracePeriodSeconds"])
  const isAtOnce = grace === 0 && finalizersOf(live.object).length === 0
  if (isAtOnce && !kind.isGraceful) return remove(store, target, live)
  const already = metadataOf(live.object)["deletionGracePeriodSeconds"]
  if (typeof already === "number" && already <= grace) return live
  const marked = {
    deletionTimestamp: after(writer.now, grace),
    deletionGracePeriodSeconds: grace,
    ...(kind.hasGeneration ? { generation: Number(metadataOf(live.object)["generation"] ?? 0) + 1 } : {})
  }
  const change = store.commit(target, (resourceVersion) => ({
    object: withMetadata(live.object, { ...marked, resourceVersion }),
    ownership: live.ownership
  }))
  // A pod is marked even when it goes at once, so watches tell two changes.
  return isAtOnce ? remove(store, target, change.after ?? live) : (change.after ?? live)
}
