import type { Effect, Scope, Stream } from "effect"
import type { ApiUnavailable } from "./errors.ts"

export interface ApiRequest {
  /** For messages: `list pods`. */
  readonly operation: string
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  /** Path and query. */
  readonly path: string
  readonly contentType?: string
  readonly body?: string
  /** Has connections of its own. */
  readonly urgent?: true
}

export interface ApiResponse {
  readonly status: number
  /** The header, as it came. */
  readonly retryAfter?: string
  readonly body: string
}

/** A line of a watch, without its end; one longer than the limit is thrown away and tells its length only. */
export type WatchLine = { readonly text: string } | { readonly droppedBytes: number }

export interface OpenWatch {
  readonly status: number
  readonly retryAfter?: string
  /** Of an answer that is no watch. */
  readonly body: string
  readonly lines: Stream.Stream<WatchLine, ApiUnavailable>
}

/** How requests get to an API server and answers back: over HTTP, or, in tests, within this process. */
export interface KubeTransport {
  readonly namespace: string
  readonly request: (request: ApiRequest) => Effect.Effect<ApiResponse, ApiUnavailable>
  /** Ends with the scope. */
  readonly open: (request: ApiRequest) => Effect.Effect<OpenWatch, ApiUnavailable, Scope.Scope>
}
