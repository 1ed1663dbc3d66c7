import { Effect, Option, Tracer } from "effect"

/** W3C Trace Context: how a trace goes on in another program, by HTTP header, NATS header or job record. */

const traceparentPattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

export const traceparentOf = (span: Tracer.AnySpan): string =>
  `00-${span.traceId.padStart(32, "0")}-${span.spanId}-${span.sampled ? "01" : "00"}`

/** The span that a `traceparent` names; none for anything malformed, which starts a new trace. */
export const parseTraceparent = (text: string | undefined): Option.Option<Tracer.ExternalSpan> => {
  const match = traceparentPattern.exec(text ?? "")
  if (match === null) return Option.none()
  const [, traceId, spanId, flags] = match as unknown as [string, string, string, string]
  return Option.some(Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }))
}

/** The `traceparent` of the span in which this runs; `undefined` outside any. */
export const currentTraceparent: Effect.Effect<string | undefined> = Effect.map(
  Effect.serviceOption(Tracer.ParentSpan),
  (span) => Option.getOrUndefined(Option.map(span, traceparentOf))
)

/** Runs an effect as a continuation of the trace that `traceparent` names. */
export const continueTrace = (traceparent: string | undefined) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Option.match(parseTraceparent(traceparent), {
    onNone: () => effect,
    onSome: (span) => Effect.provideService(effect, Tracer.ParentSpan, span)
  }) as Effect.Effect<A, E, R>
