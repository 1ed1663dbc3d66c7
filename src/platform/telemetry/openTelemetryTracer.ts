import { type Context as OtelContext, type HrTime, ROOT_CONTEXT, type Span as OtelSpan, SpanKind, SpanStatusCode, trace, TraceFlags, type Tracer as OtelTracer } from "@opentelemetry/api"
import { Cause, type Context, Exit, Option, Tracer } from "effect"

/** Effect's spans as spans of OpenTelemetry: Effect says when they begin and end, the SDK samples and exports them. */

const kinds: Record<Tracer.SpanKind, SpanKind> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER
}

const nanosPerSecond = 1_000_000_000n
const hrTime = (nanos: bigint): HrTime => [Number(nanos / nanosPerSecond), Number(nanos % nanosPerSecond)]

const attributeOf = (value: unknown): string | number | boolean =>
  typeof value === "number" || typeof value === "boolean" ? value : String(value)

const attributesOf = (record: Record<string, unknown> = {}) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, attributeOf(value)]))

const spanContextOf = (span: Tracer.AnySpan) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  traceFlags: span.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
  isRemote: span._tag === "ExternalSpan"
})

const contextOf = (parent: Option.Option<Tracer.AnySpan>): OtelContext =>
  Option.match(parent, {
    onNone: () => ROOT_CONTEXT,
    onSome: (span) => trace.setSpanContext(ROOT_CONTEXT, spanContextOf(span))
  })

const linksOf = (links: ReadonlyArray<Tracer.SpanLink>) =>
  links.map((link) => ({ context: spanContextOf(link.span), attributes: attributesOf(link.attributes) }))

class BridgedSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly name: string
  readonly spanId: string
  readonly traceId: string
  readonly sampled: boolean
  readonly kind: Tracer.SpanKind
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly annotations: Context.Context<never>
  readonly attributes = new Map<string, unknown>()
  readonly links: Array<Tracer.SpanLink>
  readonly #span: OtelSpan
  status: Tracer.SpanStatus

  constructor(options: Parameters<Tracer.Tracer["span"]>[0], span: OtelSpan) {
    const { spanId, traceFlags, traceId } = span.spanContext()
    this.name = options.name
    this.spanId = spanId
    this.traceId = traceId
    this.sampled = (traceFlags & TraceFlags.SAMPLED) === TraceFlags.SAMPLED
    this.kind = options.kind
    this.parent = options.parent
    this.annotations = options.annotations
    this.links = [...options.links]
    this.status = { _tag: "Started", startTime: options.startTime }
    this.#span = span
  }

  attribute(key: string, value: unknown): void {
    this.attributes.set(key, value)
    this.#span.setAttribute(key, attributeOf(value))
  }

  event(name: string, startTime: bigint, attributes?: Record<string, unknown>): void {
    this.#span.addEvent(name, attributesOf(attributes), hrTime(startTime))
  }

  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    this.links.push(...links)
    this.#span.addLinks(linksOf(links))
  }

  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
    if (Exit.isSuccess(exit)) this.#span.setStatus({ code: SpanStatusCode.OK })
    // Whoever was interrupted did not fail.
    else if (!Cause.hasInterruptsOnly(exit.cause)) {
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: Cause.pretty(exit.cause).split("\n")[0] ?? "" })
    }
    this.#span.end(hrTime(endTime))
  }
}

export const bridge = (tracer: OtelTracer): Tracer.Tracer =>
  Tracer.make({
    span: (options) =>
      new BridgedSpan(
        options,
        tracer.startSpan(
          options.name,
          { kind: kinds[options.kind], startTime: hrTime(options.startTime), root: options.root, links: linksOf(options.links) },
          contextOf(options.root ? Option.none() : options.parent)
        )
      )
  })
