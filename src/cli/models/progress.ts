import { Option, Schema } from "effect"
import { bytesText } from "./wording.ts"

/** A line of the exporter's standard output (scripts/export/darkroom_export/progress.py). */
export const ExportEvent = Schema.Union([
  Schema.Struct({ event: Schema.Literal("download"), what: Schema.String, done: Schema.Finite, total: Schema.Finite }),
  Schema.Struct({
    event: Schema.Literal("export"),
    what: Schema.String,
    done: Schema.NullOr(Schema.Finite),
    total: Schema.NullOr(Schema.Finite)
  }),
  Schema.Struct({ event: Schema.Literal("note"), text: Schema.String }),
  Schema.Struct({ event: Schema.Literal("error"), message: Schema.String }),
  Schema.Struct({ event: Schema.Literal("done"), target: Schema.String })
])
export type ExportEvent = typeof ExportEvent.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(ExportEvent))

export const parseEvent = (line: string): ExportEvent | undefined => Option.getOrUndefined(decode(line))

export const describeEvent = (event: ExportEvent): string | undefined => {
  switch (event.event) {
    case "download":
      return `fetching ${event.what}: ${bytesText(event.done)} of ${bytesText(event.total)} (${Math.floor(100 * event.done / Math.max(1, event.total))} %)`
    case "export":
      return event.done === null || event.total === null || event.total === 0 ? event.what : `${event.what} (${event.done} of ${event.total})`
    case "note":
      return event.text
    default:
      return undefined
  }
}

/** Where nobody watches, each tenth of a download and each kind of work is enough. */
const stepOf = (event: ExportEvent): string => {
  if (event.event === "download") return `${event.what} ${Math.floor(10 * event.done / Math.max(1, event.total))}`
  return event.event === "export" ? event.what : describeEvent(event) ?? ""
}

/** Shows events: on a terminal in one line that changes, else a line for each that says something new. */
export const makeProgress = (write: (text: string) => void, isTerminal: boolean): { readonly show: (event: ExportEvent) => void; readonly end: () => void } => {
  let last = ""
  let isOpen = false
  return {
    show: (event) => {
      const text = describeEvent(event)
      if (text === undefined || (stepOf(event) === last && !isTerminal)) return
      last = stepOf(event)
      isOpen = isTerminal
      write(isTerminal ? `\r\u001b[K  ${text}` : `  ${text}\n`)
    },
    end: () => {
      if (isOpen) write("\n")
      isOpen = false
    }
  }
}
