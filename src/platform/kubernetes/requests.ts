import type { ApiRequest } from "./KubeTransport.ts"
import type { ApplyOptions, CreateOptions, DeleteOptions, ListOptions, PatchOptions, WatchOptions } from "./operations.ts"
import { apiVersionOf, type Draft, type KubeObject, pathOf, type Resource } from "./resources.ts"

/** Requests as the API server wants them. Pure. */

type AnyResource = Resource<KubeObject>

const defaultPageObjects = 500

const query = (parameters: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]
  )
  return given.length === 0 ? "" : `?${given.join("&")}`
}

const bodyOf = (resource: AnyResource, namespace: string, object: Draft): string =>
  JSON.stringify({
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...object,
    metadata: { ...object.metadata, namespace }
  })

const urgencyOf = ({ urgent }: AnyResource) => (urgent === undefined ? {} : { urgent })

export const getRequest = (resource: AnyResource, namespace: string, name: string): ApiRequest => ({
  operation: `get ${resource.plural}/${name}`,
  method: "GET",
  path: pathOf(resource, namespace, name),
  ...urgencyOf(resource)
})

export const listRequest = (resource: AnyResource, namespace: string, options: ListOptions): ApiRequest => ({
  operation: `list ${resource.plural}`,
  method: "GET",
  path: pathOf(resource, namespace) +
    query({ limit: options.limit ?? defaultPageObjects, labelSelector: options.labelSelector, continue: options.continue })
})

export const watchRequest = (resource: AnyResource, namespace: string, options: WatchOptions): ApiRequest => ({
  operation: `watch ${resource.plural}`,
  method: "GET",
  path: pathOf(resource, namespace) + query({
    watch: true,
    resourceVersion: options.resourceVersion,
    labelSelector: options.labelSelector,
    timeoutSeconds: options.timeoutSeconds,
    allowWatchBookmarks: options.allowBookmarks ?? true
  })
})

export const createRequest = (
  resource: AnyResource,
  namespace: string,
  object: Draft,
  { dryRun, fieldManager }: CreateOptions
): ApiRequest => ({
  operation: `create ${resource.plural}/${object.metadata.name}`,
  method: "POST",
  path: pathOf(resource, namespace) + query({ fieldManager, dryRun: dryRun === true ? "All" : undefined }),
  contentType: "application/json",
  body: bodyOf(resource, namespace, object),
  ...urgencyOf(resource)
})

export const deleteRequest = (
  resource: AnyResource,
  namespace: string,
  name: string,
  { gracePeriodSeconds, propagationPolicy, resourceVersion, uid }: DeleteOptions
): ApiRequest => ({
  operation: `delete ${resource.plural}/${name}`,
  method: "DELETE",
  path: pathOf(resource, namespace, name),
  contentType: "application/json",
  body: JSON.stringify({
    apiVersion: "v1",
    kind: "DeleteOptions",
    gracePeriodSeconds,
    propagationPolicy,
    ...(uid === undefined && resourceVersion === undefined ? {} : { preconditions: { uid, resourceVersion } })
  })
})

export const applyRequest = (
  resource: AnyResource,
  namespace: string,
  object: Draft,
  { fieldManager, force, subresource }: ApplyOptions
): ApiRequest => ({
  operation: `apply ${resource.plural}/${object.metadata.name}`,
  method: "PATCH",
  path: pathOf(resource, namespace, object.metadata.name, subresource) + query({ fieldManager, force }),
  // JSON is YAML.
  contentType: "application/apply-patch+yaml",
  body: bodyOf(resource, namespace, object)
})

export const patchRequest = (
  resource: AnyResource,
  namespace: string,
  name: string,
  { fieldManager, patch, subresource }: Omit<PatchOptions, "subresource"> & {
    readonly patch: Readonly<Record<string, unknown>>
    readonly subresource?: "status" | "scale"
  }
): ApiRequest => ({
  operation: `patch ${resource.plural}/${name}`,
  method: "PATCH",
  path: pathOf(resource, namespace, name, subresource) + query({ fieldManager }),
  contentType: "application/merge-patch+json",
  body: JSON.stringify(patch),
  ...urgencyOf(resource)
})
