import { Schema } from "effect"

/**
 * Why a job failed, as clients see it.
 * `invalid_input` is never retried; the others may be, by the user.
 */
export const ErrorClass = Schema.Literals([
  "invalid_input",
  "model_error",
  "out_of_memory",
  "agent_lost",
  "timeout",
  "expired",
  "pool_deleted"
])
export type ErrorClass = typeof ErrorClass.Type

/** The HTTP status with which a synchronous route answers a job that failed so. */
export const httpStatusOf = (errorClass: ErrorClass): 400 | 500 | 502 | 503 => {
  switch (errorClass) {
    case "invalid_input":
      return 400
    case "model_error":
    case "out_of_memory":
      return 500
    case "agent_lost":
    case "timeout":
    case "expired":
      return 502
    case "pool_deleted":
      return 503
  }
}
