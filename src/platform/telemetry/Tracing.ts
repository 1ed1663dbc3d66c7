import { Config, ConfigProvider, Effect, Layer } from "effect"

/**
 * OpenTelemetry traces, off unless the standard variables turn them on: `OTEL_EXPORTER_OTLP_ENDPOINT` or
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`; `OTEL_SDK_DISABLED=true` or `OTEL_TRACES_EXPORTER=none` turn them off.
 * Headers, compression, batch sizes and time-outs have their standard names too. OTLP over HTTP, as protobuf or JSON
 * (`OTEL_EXPORTER_OTLP_PROTOCOL`). Nothing of the exporter is loaded while it is off.
 */

const maybe = (name: string) => Config.String(name).pipe(Config.withDefault(""))

const switches = Config.all({
  disabled: Config.Boolean("OTEL_SDK_DISABLED").pipe(Config.withDefault(false)),
  endpoint: maybe("OTEL_EXPORTER_OTLP_ENDPOINT"),
  tracesEndpoint: maybe("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
  exporter: maybe("OTEL_TRACES_EXPORTER"),
  protocol: maybe("OTEL_EXPORTER_OTLP_PROTOCOL"),
  tracesProtocol: maybe("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
  sampler: maybe("OTEL_TRACES_SAMPLER"),
  serviceName: maybe("OTEL_SERVICE_NAME")
})

const isOn = (values: Config.Success<typeof switches>): boolean => {
  const exporters = (values.exporter === "" ? "otlp" : values.exporter).toLowerCase().split(",").map((one) => one.trim())
  return !values.disabled && exporters.includes("otlp") && (values.endpoint !== "" || values.tracesEndpoint !== "")
}

/** Only these are honoured; saying nothing would let somebody wait for spans that never come. */
const warnings = (values: Config.Success<typeof switches>): ReadonlyArray<string> => {
  const protocol = values.tracesProtocol || values.protocol
  return [
    ...(protocol === "grpc" ? ["OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not supported; traces are sent as http/protobuf"] : []),
    ...(["", "parentbased_always_on", "always_on"].includes(values.sampler)
      ? []
      : [`OTEL_TRACES_SAMPLER=${values.sampler} is not supported; every trace is kept unless its caller said otherwise`])
  ]
}

/** Spans of this program go to the collector that the environment names, as service `darkroom-<program>` unless it names one. */
export const tracing = (program: string, version: string): Layer.Layer<never, Config.ConfigError> =>
  Layer.unwrap(
    Effect.gen(function*() {
      const values = yield* switches
      if (!isOn(values)) return Layer.empty
      for (const warning of warnings(values)) yield* Effect.logWarning(warning)
      const [OtlpTracer, OtlpSerialization, FetchHttpClient] = yield* Effect.promise(() =>
        Promise.all([
          import("effect/observability/OtlpTracer"),
          import("effect/observability/OtlpSerialization"),
          import("effect/http/FetchHttpClient")
        ])
      )
      const isJson = (values.tracesProtocol || values.protocol) === "http/json"
      // The library asks for the exporter by name; by the standard, otlp is the default.
      const otlp = ConfigProvider.layerAdd(ConfigProvider.fromUnknown({ OTEL_TRACES_EXPORTER: "otlp" }))
      const serviceName = values.serviceName || `darkroom-${program}`
      return OtlpTracer.layerFromConfig({ resource: { serviceName, serviceVersion: version } }).pipe(
        Layer.provide(isJson ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf),
        Layer.provide(FetchHttpClient.layer),
        Layer.provide(otlp)
      )
    })
  )
