import { Schema } from "effect"
import { Sha256, Timestamp } from "./Job.ts"

export const Scope = Schema.Literals(["submit", "read", "admin"])
export type Scope = typeof Scope.Type

/** What is stored of an API key: never the key itself. `id` is the `<client>` of its jobs. */
export const ApiKeyRecord = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  sha256: Sha256,
  scopes: Schema.Array(Scope),
  created_at: Timestamp,
  expires_at: Schema.NullOr(Timestamp)
})
export type ApiKeyRecord = typeof ApiKeyRecord.Type
