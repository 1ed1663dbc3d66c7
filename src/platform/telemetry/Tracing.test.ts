import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Schema } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { continueTrace, currentTraceparent, parseTraceparent, traceparentOf } from "./traceparent.ts"
import { tracing } from "./Tracing.ts"

const Export = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      resource: Schema.Struct({
        attributes: Schema.Array(Schema.Struct({ key: Schema.String, value: Schema.Record(Schema.String, Schema.Unknown) }))
      }),
      scopeSpans: Schema.Array(
        Schema.Struct({
          spans: Schema.Array(
            Schema.Struct({
              name: Schema.String,
              traceId: Schema.String,
              spanId: Schema.String,
              parentSpanId: Schema.optionalKey(Schema.String)
            })
          )
        })
      )
    })
  )
})

interface Seen {
  readonly service: unknown
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
}

const spansOf = (body: string): ReadonlyArray<Seen> =>
  Schema.decodeUnknownSync(Schema.fromJsonString(Export))(body).resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find((attribute) => attribute.key === "service.name")?.value["stringValue"]
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ service, ...span })))
  })

/** A collector that takes OTLP/HTTP JSON at `/v1/traces`. */
const collector = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly spans: Array<Seen>; readonly close: () => void }>((resume) => {
    const spans: Array<Seen> = []
    const server = createServer((request, response) => {
      let body = ""
      request.on("data", (chunk: Buffer) => (body += chunk.toString()))
      request.on("end", () => {
        if (request.url === "/v1/traces") spans.push(...spansOf(body))
        response.writeHead(200, { "content-type": "application/json" }).end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, spans, close: () => void server.close() }))
    })
  }),
  (receiver) => Effect.sync(receiver.close)
)

/** The SDK reads the process's environment. */
const inEnvironment = (env: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = { ...process.env }
      Object.assign(process.env, env)
      return before
    }),
    (before) =>
      Effect.sync(() => {
        for (const name of Object.keys(env)) delete process.env[name]
        Object.assign(process.env, before)
      })
  )

/** A program of its own: its spans are sent when its layer closes. */
const inProgram = <A, E>(name: string, env: Record<string, string>, effect: Effect.Effect<A, E>) =>
  Effect.andThen(
    inEnvironment(env),
    effect.pipe(
      Effect.provide(tracing(name, "1.0.0").pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord(env)))))
    )
  ).pipe(Effect.scoped)

describe("tracing", () => {
  it.live("one trace goes through two programs, by the traceparent that the first leaves in the record", () =>
    Effect.gen(function*() {
      const { spans, url } = yield* collector
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }
      const traceparent = yield* inProgram(
        "gateway",
        env,
        currentTraceparent.pipe(Effect.withSpan("Admission.submit"), Effect.withSpan("POST /api/edit", { kind: "server" }))
      )
      yield* inProgram(
        "agent",
        env,
        Effect.void.pipe(Effect.withSpan("step"), Effect.withSpan("Worker.run"), continueTrace(traceparent))
      )
      const named = (name: string) => spans.find((span) => span.name === name)
      assert.strictEqual(new Set(spans.map((span) => span.traceId)).size, 1)
      assert.strictEqual(named("Admission.submit")?.parentSpanId, named("POST /api/edit")?.spanId)
      assert.strictEqual(named("Worker.run")?.parentSpanId, named("Admission.submit")?.spanId)
      assert.strictEqual(named("step")?.parentSpanId, named("Worker.run")?.spanId)
      assert.deepStrictEqual([named("step")?.service, named("POST /api/edit")?.service], ["darkroom-agent", "darkroom-gateway"])
    }))

  it.live("is off without an endpoint, when the SDK is disabled and when the exporter is none", () =>
    Effect.gen(function*() {
      const { spans, url } = yield* collector
      const on = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }
      const work = Effect.void.pipe(Effect.withSpan("work"))
      yield* inProgram("gateway", {}, work)
      yield* inProgram("gateway", { ...on, OTEL_SDK_DISABLED: "true" }, work)
      yield* inProgram("gateway", { ...on, OTEL_TRACES_EXPORTER: "none" }, work)
      assert.deepStrictEqual(spans, [])
      yield* inProgram("gateway", { ...on, OTEL_SERVICE_NAME: "mine" }, work)
      assert.strictEqual(spans[0]?.service, "mine")
    }))
})

describe("traceparent", () => {
  const text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

  it("is read and written", () => {
    assert.strictEqual(traceparentOf(Option.getOrThrow(parseTraceparent(text))), text)
    assert.isFalse(Option.getOrThrow(parseTraceparent(text.replace(/01$/, "00"))).sampled)
  })

  it.each([
    undefined,
    "",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
  ])("%s starts a new trace", (malformed) => assert.isTrue(Option.isNone(parseTraceparent(malformed))))
})
