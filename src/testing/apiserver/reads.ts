import { isObject, type Json, objectAt, textAt } from "./json.ts"
import type { Kind } from "./kinds.ts"
import { managedFields } from "./ownership.ts"
import type { Route } from "./routes.ts"
import { matches } from "./selectors.ts"
import { badRequest, expired, type StatusFailure } from "./status.ts"
import type { Change, Store, Stored } from "./store.ts"

/** Objects as the server shows them. */

export const apiVersionOf = (kind: Kind) => (kind.group === "" ? kind.version : `${kind.group}/${kind.version}`)

export const shown = (kind: Kind, { object, ownership }: Stored, resourceVersion?: string): Json => ({
  ...object,
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
  metadata: {
    ...objectAt(object, "metadata"),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    managedFields: managedFields(kind, ownership)
  }
})

export const scaleOf = ({ object }: Stored): Json => {
  const { name, namespace, resourceVersion, uid } = objectAt(object, "metadata")
  const status = objectAt(object, "status")
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, resourceVersion, uid },
    spec: { replicas: objectAt(object, "spec")["replicas"] ?? 0 },
    status: { replicas: status["replicas"] ?? 0, ...(textAt(status, "selector") === "" ? {} : { selector: status["selector"] }) }
  }
}

const tokenOf = (revision: number, after: string) => Buffer.from(JSON.stringify({ revision, after })).toString("base64url")

const parseToken = (token: string): { readonly revision: number; readonly after: string } | undefined => {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"))
    if (!isObject(parsed) || typeof parsed["revision"] !== "number") return undefined
    return { revision: parsed["revision"], after: textAt(parsed, "after") }
  } catch {
    return undefined
  }
}

const nameOf = ({ object }: Stored) => textAt(objectAt(object, "metadata"), "name")

/** A page; the pages of one list are all of one revision. `asOf`: an earlier one than the present, as from a server that lags. */
export const listPage = (store: Store, { kind, namespace, query }: Route, asOf?: number): Json | StatusFailure => {
  const token = query.get("continue") ?? ""
  const from = token === "" ? { revision: asOf ?? store.revision, after: "" } : parseToken(token)
  if (from === undefined) return badRequest("continue key is not valid")
  if (token !== "" && from.revision < store.compacted) {
    return expired("The provided continue parameter is too old to display a consistent list result.")
  }
  const limit = Number(query.get("limit") ?? 0)
  const all = store.list(kind, namespace, from.revision)
    .filter((each) => matches(query.get("labelSelector") ?? "", each.object))
    .filter((each) => from.after === "" || nameOf(each) > from.after)
  const page = limit > 0 ? all.slice(0, limit) : all
  const last = page.at(-1)
  return {
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata: {
      resourceVersion: String(from.revision),
      ...(page.length < all.length && last !== undefined
        ? { continue: tokenOf(from.revision, nameOf(last)), remainingItemCount: all.length - page.length }
        : {})
    },
    items: page.map((each) => shown(kind, each))
  }
}

export interface ShownEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR"
  readonly object: Json
}

/** What a change is to a watch with a selector: an object that no longer matches is deleted for it. */
export const eventOf = (change: Change, selector: string): ShownEvent | undefined => {
  const { after, before, kind } = change
  const version = String(change.revision)
  const was = before !== undefined && matches(selector, before.object)
  const is = after !== undefined && matches(selector, after.object)
  if (is) return { type: was ? "MODIFIED" : "ADDED", object: shown(kind, after) }
  return was ? { type: "DELETED", object: shown(kind, before, version) } : undefined
}

export const bookmarkOf = (kind: Kind, revision: number): ShownEvent => ({
  type: "BOOKMARK",
  object: { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata: { resourceVersion: String(revision) } }
})
