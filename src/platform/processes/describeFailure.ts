import { Cause, Option } from "effect"

const messageOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "message" in error && typeof error.message === "string" ? error.message : undefined

/** What a person is told when a program fails as it may; `undefined` for a bug, which needs all that is known. */
export const describeFailure = (cause: Cause.Cause<unknown>): string | undefined => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (Cause.hasDies(cause)) return undefined
  const message = messageOf(error)
  // A setting that cannot be read: the library puts the variable's name in brackets at the end.
  const setting = /^SchemaError\(([\s\S]*?)\n\s*at \["([^"]+)"\]\)$/.exec(message ?? "")
  return setting === null ? message : `${setting[2]}: ${setting[1]}`
}
