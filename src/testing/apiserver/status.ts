import type { Problem } from "./kinds.ts"
import type { Json } from "./json.ts"

/** Failures as an API server words them. */
export class StatusFailure {
  readonly code: number
  readonly body: Json
  constructor(code: number, reason: string, message: string, details: Json = {}) {
    this.code = code
    this.body = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, details, code }
  }
}

export const notFound = (plural: string, name: string) => new StatusFailure(404, "NotFound", `${plural} "${name}" not found`)

export const exists = (plural: string, name: string) => new StatusFailure(409, "AlreadyExists", `${plural} "${name}" already exists`)

export const conflict = (plural: string, name: string, why: string) =>
  new StatusFailure(409, "Conflict", `Operation cannot be fulfilled on ${plural} "${name}": ${why}`)

export const changed = (plural: string, name: string) =>
  conflict(plural, name, "the object has been modified; please apply your changes to the latest version and try again")

export const invalid = (kind: string, name: string, causes: ReadonlyArray<Problem>) =>
  new StatusFailure(
    422,
    "Invalid",
    `${kind} "${name}" is invalid: ${causes.map(({ field, message }) => `${field}: ${message}`).join(", ")}`,
    { causes: causes.map(({ field, message }) => ({ reason: "FieldValueInvalid", field, message })) }
  )

export const badRequest = (message: string) => new StatusFailure(400, "BadRequest", message)

export const expired = (message: string) => new StatusFailure(410, "Expired", message)
