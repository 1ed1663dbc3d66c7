import { Schema } from "effect"

/** What was asked (`list pods`, `apply gpupools/h100`) and what the API server said about it. */
const answer = { operation: Schema.String, reason: Schema.String }

/** 409: the object has changed since it was read, a precondition does not hold, or another field manager owns a field. Read again. */
export class ApiConflict extends Schema.TaggedError<ApiConflict>()("ApiConflict", answer) {
  override get message(): string {
    return `${this.operation}: conflict: ${this.reason}`
  }
}

/** 409 AlreadyExists. */
export class ApiExists extends Schema.TaggedError<ApiExists>()("ApiExists", answer) {
  override get message(): string {
    return `${this.operation}: it exists already: ${this.reason}`
  }
}

/** 404: there is no such object, or no such resource (is the CRD installed?). */
export class ApiNotFound extends Schema.TaggedError<ApiNotFound>()("ApiNotFound", answer) {
  override get message(): string {
    return `${this.operation}: not found: ${this.reason}`
  }
}

/** 410: the resource version or the continue token is too old. List again from the beginning. */
export class ApiGone extends Schema.TaggedError<ApiGone>()("ApiGone", answer) {
  override get message(): string {
    return `${this.operation}: too old: ${this.reason}`
  }
}

/** 400, 413, 415, 422, or an answer that is not what the resource promises. Final; `details` name fields. */
export class ApiInvalid extends Schema.TaggedError<ApiInvalid>()("ApiInvalid", {
  ...answer,
  details: Schema.Array(Schema.Struct({ field: Schema.String, message: Schema.String }))
}) {
  override get message(): string {
    return `${this.operation}: invalid: ${this.reason}`
  }
}

/** 401 or 403: the credentials are not accepted, or the role does not allow it. */
export class ApiForbidden extends Schema.TaggedError<ApiForbidden>()("ApiForbidden", { ...answer, status: Schema.Int }) {
  override get message(): string {
    const fix = this.status === 401
      ? "Check the kubeconfig's user, or the service account's token."
      : "Check the Role and RoleBinding of this service account."
    return `${this.operation}: refused (${this.status}): ${this.reason} ${fix}`
  }
}

/** 429: the API server has too much to do. Nothing was done. */
export class ApiThrottled extends Schema.TaggedError<ApiThrottled>()("ApiThrottled", { ...answer, retryAfterMs: Schema.Number }) {
  override get message(): string {
    return `${this.operation}: the API server asks to wait ${this.retryAfterMs} ms: ${this.reason}`
  }
}

/** 5xx, connection refused or reset, time-out. Whether a write was done is not known. */
export class ApiUnavailable extends Schema.TaggedError<ApiUnavailable>()("ApiUnavailable", {
  ...answer,
  retryAfterMs: Schema.optionalKey(Schema.Number)
}) {
  override get message(): string {
    return `${this.operation}: the API server is not available: ${this.reason}`
  }
}

export type KubeError =
  | ApiConflict
  | ApiExists
  | ApiNotFound
  | ApiGone
  | ApiInvalid
  | ApiForbidden
  | ApiThrottled
  | ApiUnavailable

/** The same request may succeed later as it is. A conflict is for the caller: read again, decide again. */
export const isRetryable = (error: KubeError): error is ApiThrottled | ApiUnavailable =>
  error._tag === "ApiThrottled" || error._tag === "ApiUnavailable"

/** How long the API server wants to be left alone, if it said so. */
export const retryAfterMsOf = (error: KubeError): number | undefined =>
  isRetryable(error) ? error.retryAfterMs : undefined

/** There is no usable cluster to talk to: no kubeconfig, or one that cannot be used. Final. */
export class KubeConfigInvalid extends Schema.TaggedError<KubeConfigInvalid>()("KubeConfigInvalid", {
  problem: Schema.String,
  fix: Schema.String
}) {
  override get message(): string {
    return `${this.problem} ${this.fix}`
  }
}
