import {
  ApiConflict,
  ApiExists,
  ApiForbidden,
  ApiGone,
  ApiInvalid,
  ApiNotFound,
  ApiThrottled,
  ApiUnavailable,
  type KubeError
} from "./errors.ts"

/** What an answer of the API server means. Pure. */

/** The parts of `kind: Status` that are looked at. */
export interface Status {
  readonly code?: number
  readonly reason?: string
  readonly message?: string
  readonly details?: {
    readonly retryAfterSeconds?: number
    readonly causes?: ReadonlyArray<{ readonly field?: string; readonly message?: string }>
  }
}

const defaultRetryAfterMs = 1_000
/** A server that asks for more is asked again sooner: nothing may be left alone for long by a wrong header. */
const retryAfterMaxMs = 60_000
const excerptMaxChars = 300

const secondsToMs = (seconds: number): number => Math.min(Math.max(0, seconds) * 1_000, retryAfterMaxMs)

/** `Retry-After` in seconds, as the API server writes it, or the Status' own word. */
const retryAfterMs = (header: string | undefined, status: Status): number | undefined => {
  if (header !== undefined && /^\d+$/.test(header.trim())) return secondsToMs(Number(header))
  const seconds = status.details?.retryAfterSeconds
  return typeof seconds === "number" && seconds > 0 ? secondsToMs(seconds) : undefined
}

const detailsOf = (status: Status) =>
  (status.details?.causes ?? []).map(({ field, message }) => ({ field: field ?? "", message: message ?? "" }))

/** The body of a failed request as a Status; proxies and load balancers answer with other things. */
export const statusOf = (body: string): Status => {
  const parsed = parseJson(body)
  if (typeof parsed === "object" && parsed !== null && "kind" in parsed && parsed.kind === "Status") return parsed as Status
  return { message: body.slice(0, excerptMaxChars) }
}

export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `code` is the HTTP status, or that of an ERROR event in a watch. */
export const errorOf = (operation: string, code: number, status: Status, retryAfterHeader?: string): KubeError => {
  const reason = status.message ?? status.reason ?? `status ${code}`
  const answer = { operation, reason }
  const retryAfter = retryAfterMs(retryAfterHeader, status)
  switch (code) {
    case 401:
    case 403:
      return new ApiForbidden({ ...answer, status: code })
    case 404:
      return new ApiNotFound(answer)
    case 409:
      return status.reason === "AlreadyExists" ? new ApiExists(answer) : new ApiConflict(answer)
    case 410:
      return new ApiGone(answer)
    case 429:
      return new ApiThrottled({ ...answer, retryAfterMs: retryAfter ?? defaultRetryAfterMs })
  }
  if (code >= 500 || code === 408) {
    // The watch cache says so for a version that it no longer has, in a 500 of old servers.
    if (status.reason === "Expired" || status.reason === "Gone") return new ApiGone(answer)
    return new ApiUnavailable({ ...answer, ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }) })
  }
  return new ApiInvalid({ ...answer, details: detailsOf(status) })
}
