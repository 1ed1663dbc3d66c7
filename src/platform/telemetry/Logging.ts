import { Config, Effect, Formatter, Layer, Logger, References } from "effect"

/**
 * What the programs say: one JSON object a line, or calm text for a person. `LOG_FORMAT` is `json` or `text` (default:
 * text on a terminal), `LOG_LEVEL` one of All, Trace, Debug, Info (default), Warn, Error, Fatal, None in any case.
 */

const levels = ["All", "Trace", "Debug", "Info", "Warn", "Error", "Fatal", "None"] as const

const levelConfig = Config.String("LOG_LEVEL").pipe(
  Config.withDefault("Info"),
  Config.map((text) => levels.find((level) => level.toLowerCase() === text.toLowerCase()) ?? "Info")
)

const formatConfig = Config.String("LOG_FORMAT").pipe(
  Config.withDefault(process.stderr.isTTY ? "text" : "json"),
  Config.map((text) => (text.toLowerCase() === "text" ? "text" : "json"))
)

const words = (value: unknown): string =>
  typeof value === "string" ? value : value instanceof Error ? value.message : Formatter.format(value)

/** `12:01:07 warn  gateway  what happened  key=value` and the cause below it, if there is one. */
export const textLogger = (program: string) =>
  Logger.map(Logger.formatStructured, (entry): string => {
    const message = (Array.isArray(entry.message) ? entry.message : [entry.message]).map(words).join(" ")
    const pairs = Object.entries(entry.annotations).map(([key, value]) => `  ${key}=${words(value)}`).join("")
    const level = entry.level.toLowerCase().padEnd(5)
    return `${entry.timestamp.slice(11, 19)} ${level} ${program.padEnd(7)} ${message}${pairs}${entry.cause === undefined ? "" : `\n${entry.cause}`}`
  })

export const jsonLogger = (program: string) =>
  Logger.map(Logger.formatStructured, (entry) => Formatter.formatJson({ program, ...entry }))

/** Logs go to standard error: standard output is for what a command answers. */
export const logging = (program: string): Layer.Layer<never, Config.ConfigError> =>
  Layer.unwrap(
    Effect.gen(function*() {
      const level = yield* levelConfig
      const format = yield* formatConfig
      const logger = format === "text" ? textLogger(program) : jsonLogger(program)
      const sink = Logger.map(logger, (line) => void process.stderr.write(`${line}\n`))
      return Layer.merge(Logger.layer([sink, Logger.tracerLogger]), Layer.succeed(References.MinimumLogLevel, level))
    })
  )
