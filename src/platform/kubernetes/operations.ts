import type { Effect, Stream } from "effect"
import type { KubeError } from "./errors.ts"
import type { Draft, KubeObject, Resource } from "./resources.ts"

/** What can be asked of the Kubernetes API, and what it answers. */

/** An object that the API server has, but which is not what its kind promises: reported, never fatal. */
export interface Undecodable {
  readonly key: string
  /** "" when not even that could be read. */
  readonly uid: string
  readonly resourceVersion: string
  readonly problem: string
}

export interface ObjectList<A> {
  readonly items: ReadonlyArray<A>
  readonly undecodable: ReadonlyArray<Undecodable>
  readonly resourceVersion: string
  /** Ask for the next page with it; absent on the last one. */
  readonly continue?: string
}

export type WatchEvent<A> =
  /** The server has accepted the watch: always the first. */
  | { readonly type: "opened" }
  | { readonly type: "added" | "modified" | "deleted"; readonly object: A }
  | { readonly type: "bookmark"; readonly resourceVersion: string }
  | { readonly type: "undecodable"; readonly change: "added" | "modified" | "deleted" | "unknown"; readonly found: Undecodable }

export interface ListOptions {
  readonly labelSelector?: string
  /** Objects a page. Default 500. */
  readonly limit?: number
  readonly continue?: string
}

export interface WatchOptions {
  /** Events after this version. */
  readonly resourceVersion: string
  readonly labelSelector?: string
  /** The server ends the watch after this long. */
  readonly timeoutSeconds: number
  readonly allowBookmarks?: boolean
}

export interface DeleteOptions {
  /** Preconditions: ApiConflict when the object is another one, or has changed. */
  readonly uid?: string
  readonly resourceVersion?: string
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan"
}

export interface ApplyOptions {
  readonly fieldManager: string
  /** Take over fields that others own, instead of ApiConflict. */
  readonly force?: boolean
  readonly subresource?: "status"
}

export interface CreateOptions {
  readonly fieldManager?: string
  /** Admitted and defaulted by the server, but not stored. */
  readonly dryRun?: boolean
}

export interface PatchOptions {
  readonly subresource?: "status"
  readonly fieldManager?: string
}

export interface KubeClientShape {
  /** The one namespace of this client: the kubeconfig context's, the pod's own, or `KUBE_NAMESPACE`. */
  readonly namespace: string
  /** Retried for a short time when the server is away or busy. */
  readonly get: <A extends KubeObject>(resource: Resource<A>, name: string) => Effect.Effect<A, KubeError>
  /** One page. Retried as `get`. */
  readonly list: <A extends KubeObject>(resource: Resource<A>, options?: ListOptions) => Effect.Effect<ObjectList<A>, KubeError>
  readonly create: <A extends KubeObject>(
    resource: Resource<A>,
    object: Draft,
    options?: CreateOptions
  ) => Effect.Effect<A, KubeError>
  /** Succeeds when the deletion has begun; finalizers and grace may keep the object for a while. */
  readonly delete: <A extends KubeObject>(
    resource: Resource<A>,
    name: string,
    options?: DeleteOptions
  ) => Effect.Effect<void, KubeError>
  /** Server-side apply: exactly these fields are then this manager's. */
  readonly apply: <A extends KubeObject>(
    resource: Resource<A>,
    object: Draft,
    options: ApplyOptions
  ) => Effect.Effect<A, KubeError>
  /** JSON merge patch. With `metadata.resourceVersion` in it, ApiConflict when the object has changed. */
  readonly patch: <A extends KubeObject>(
    resource: Resource<A>,
    name: string,
    mergePatch: Readonly<Record<string, unknown>>,
    options?: PatchOptions
  ) => Effect.Effect<A, KubeError>
  /** `spec.replicas` by the scale subresource. */
  readonly scale: <A extends KubeObject>(resource: Resource<A>, name: string, replicas: number) => Effect.Effect<void, KubeError>
  /**
   * Ends when the server ends the watch. Fails with ApiGone when the version is too old (list again). An object that
   * cannot be decoded is an event, not a failure.
   */
  readonly watch: <A extends KubeObject>(resource: Resource<A>, options: WatchOptions) => Stream.Stream<WatchEvent<A>, KubeError>
}
