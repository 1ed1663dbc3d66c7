import type { ApiRequest } from "../../platform/kubernetes/KubeTransport.ts"
import { type Kind, kinds } from "./kinds.ts"

export interface Route {
  readonly kind: Kind
  readonly namespace: string
  /** "" for the collection. */
  readonly name: string
  readonly subresource: string
  readonly query: URLSearchParams
}

const core = /^\/api\/(?<version>[^/]+)\/namespaces\/(?<namespace>[^/]+)\/(?<plural>[^/]+)(\/(?<name>[^/]+)(\/(?<sub>[^/]+))?)?$/
const grouped = /^\/apis\/(?<group>[^/]+)\/(?<version>[^/]+)\/namespaces\/(?<namespace>[^/]+)\/(?<plural>[^/]+)(\/(?<name>[^/]+)(\/(?<sub>[^/]+))?)?$/

/** `undefined`: there is no such resource here. */
export const routeOf = ({ path }: Pick<ApiRequest, "path">): Route | undefined => {
  const url = new URL(path, "http://server")
  const found = (core.exec(url.pathname) ?? grouped.exec(url.pathname))?.groups
  if (found === undefined) return undefined
  const { group = "", name = "", namespace = "", plural, sub = "", version } = found
  const kind = kinds.find((each) => each.group === group && each.version === version && each.plural === plural)
  if (kind === undefined) return undefined
  const isThere = sub === "" || (sub === "status" && kind.hasStatus) || (sub === "scale" && kind.hasScale)
  if (!isThere) return undefined
  return { kind, namespace: decodeURIComponent(namespace), name: decodeURIComponent(name), subresource: sub, query: url.searchParams }
}
