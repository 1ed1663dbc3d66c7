import { type Config, Layer } from "effect"
import { logging } from "./Logging.ts"
import { tracing } from "./Tracing.ts"

/** Logs and traces of one program; provide it to the whole program, outermost. */
export const telemetry = (program: string, version: string): Layer.Layer<never, Config.ConfigError> =>
  Layer.provideMerge(tracing(program, version), logging(program))
