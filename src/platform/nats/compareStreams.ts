import type { StreamConfig } from "@nats-io/jetstream"
import type { DesiredStream } from "./streams.ts"

/** What stands in the way (`fatal`) and what is merely not as configured (`warnings`), each by stream and field. Pure. */
export interface Differences {
  readonly fatal: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
}

/** A stream that differs here would lose, repeat or never queue jobs. */
const fatalFields = ["subjects", "retention", "storage", "discard", "sources", "subject_transform", "mirror"] as const
const warningFields = [
  "max_bytes",
  "max_age",
  "max_msgs",
  "max_msg_size",
  "max_msgs_per_subject",
  "duplicate_window",
  "num_replicas",
  "republish",
  "allow_direct",
  "allow_rollup_hdrs"
] as const

/** What the broker reports for a field that was not set. */
const defaults: Readonly<Record<string, unknown>> = {
  subjects: [],
  sources: [],
  max_msgs: -1,
  max_age: 0,
  max_msg_size: -1,
  max_msgs_per_subject: -1,
  allow_direct: false,
  allow_rollup_hdrs: false
}

type Field = (typeof fatalFields)[number] | (typeof warningFields)[number]

/** `opt_start_seq` only says where a re-created WORK began. */
const comparable = (field: Field, value: unknown): string => {
  const set = value ?? defaults[field] ?? null
  if (field !== "sources") return canonical(set)
  return canonical((set as ReadonlyArray<Record<string, unknown>>).map(({ opt_start_seq: _start, ...source }) => source))
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part)

const describe = (name: string, field: Field, actual: unknown, desired: unknown) =>
  `${name}: ${field} is ${comparable(field, actual)}, Darkroom needs ${comparable(field, desired)}`

/** The window has a default of the broker's own, so that only a stream that asks for one is compared. */
const isCompared = (field: Field, desired: DesiredStream): boolean =>
  field !== "duplicate_window" || desired.duplicate_window !== undefined

export const compareStream = (actual: Partial<StreamConfig>, desired: DesiredStream): Differences => {
  const differing = (fields: ReadonlyArray<Field>) =>
    fields
      .filter((field) => isCompared(field, desired) && comparable(field, actual[field]) !== comparable(field, desired[field]))
      .map((field) => describe(desired.name, field, actual[field], desired[field]))
  const perSubject = desired.retention === "workqueue" ? ["max_msgs_per_subject" as const] : []
  return {
    fatal: differing([...fatalFields, ...perSubject]),
    warnings: differing(warningFields.filter((field) => !(perSubject as ReadonlyArray<string>).includes(field)))
  }
}
