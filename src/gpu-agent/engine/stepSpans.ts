import { Clock, Context, Effect, Exit, Option } from "effect"

/**
 * A span `engine.step` for each step, under the span in which this runs. A step is over when it is heard of, so each
 * span is written then, from the report before it on.
 */
export const makeStepSpans = Effect.gen(function*() {
  const tracer = yield* Effect.tracer
  const parent = yield* Effect.option(Effect.currentParentSpan)
  const clock = yield* Clock.Clock
  let startTime = clock.currentTimeNanosUnsafe()
  return (step: number, steps: number): void => {
    const endTime = clock.currentTimeNanosUnsafe()
    if (step > 0) {
      const span = tracer.span({
        name: "engine.step",
        parent,
        annotations: Context.empty(),
        links: [],
        startTime,
        kind: "internal",
        root: false,
        sampled: Option.match(parent, { onNone: () => true, onSome: (span) => span.sampled })
      })
      span.attribute("step", step)
      span.attribute("steps", steps)
      span.end(endTime, Exit.void)
    }
    startTime = endTime
  }
})
