import { Config, Effect, Layer, Tracer } from "effect"

/**
 * OpenTelemetry traces, off unless the standard variables turn them on: `OTEL_EXPORTER_OTLP_ENDPOINT` or
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`; `OTEL_SDK_DISABLED=true` or `OTEL_TRACES_EXPORTER=none` turn them off.
 * All other standard variables (protocol, headers, sampler, batch sizes) are the SDK's own; it reads them from the
 * process. Nothing of the SDK is loaded while tracing is off.
 */

const maybe = (name: string) => Config.String(name).pipe(Config.withDefault(""))

const switches = Config.all({
  disabled: Config.Boolean("OTEL_SDK_DISABLED").pipe(Config.withDefault(false)),
  endpoint: maybe("OTEL_EXPORTER_OTLP_ENDPOINT"),
  tracesEndpoint: maybe("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
  exporter: maybe("OTEL_TRACES_EXPORTER"),
  serviceName: maybe("OTEL_SERVICE_NAME")
})

const isOn = (values: Config.Success<typeof switches>): boolean =>
  !values.disabled && values.exporter.trim().toLowerCase() !== "none" && (values.endpoint !== "" || values.tracesEndpoint !== "")

/** Spans that are still unsent when the program stops have this long to go out. */
const shutdownTimeout = "5 seconds"

const start = (serviceName: string, version: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const [{ NodeSDK }, { bridge }, api] = await Promise.all([
        import("@opentelemetry/sdk-node"),
        import("./openTelemetryTracer.ts"),
        import("@opentelemetry/api")
      ])
      // Only spans: logs and metrics have their own ways out of a program.
      const sdk = new NodeSDK({ serviceName, instrumentations: [], metricReaders: [], logRecordProcessors: [] })
      sdk.start()
      return { sdk, api, tracer: bridge(api.trace.getTracer("darkroom", version)) }
    }),
    ({ api, sdk }) =>
      Effect.tryPromise(() => sdk.shutdown()).pipe(
        Effect.timeout(shutdownTimeout),
        Effect.ignore,
        Effect.andThen(Effect.sync(() => {
          api.trace.disable()
          api.context.disable()
          api.propagation.disable()
        }))
      )
  )

/** Spans of this program go to the collector that the environment names, as service `darkroom-<program>` unless it names one. */
export const tracing = (program: string, version: string): Layer.Layer<never, Config.ConfigError> =>
  Layer.unwrap(
    Effect.gen(function*() {
      const values = yield* switches
      if (!isOn(values)) return Layer.empty
      return Layer.effect(
        Tracer.Tracer,
        Effect.map(start(values.serviceName || `darkroom-${program}`, version), ({ tracer }) => tracer)
      )
    })
  )
