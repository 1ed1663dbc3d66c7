/** Laying what a template says over what the operator writes. Pure. */

export type Json = string | number | boolean | null | ReadonlyArray<Json> | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** A template is any JSON: what is not of the expected shape counts as absent here, and the API server refuses it. */
export const asObject = (value: Json | undefined): JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}

export const asList = (value: Json | undefined): ReadonlyArray<Json> => (Array.isArray(value) ? value : [])

/** Lists of things with a `name` (env, volumes, ports): what is over replaces what has the same name, the rest is added. */
export const namedOver = (under: ReadonlyArray<Json>, over: ReadonlyArray<Json>): ReadonlyArray<Json> => {
  const nameOf = (item: Json) => asObject(item)["name"]
  const taken = new Set(over.map(nameOf))
  return [...under.filter((item) => !taken.has(nameOf(item))), ...over]
}
