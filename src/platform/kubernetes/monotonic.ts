import { Clock, Effect } from "effect"

/** Milliseconds of a clock that nobody sets: for durations within this process, and for nothing else. */
export const monotonicMs: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000n) / 1_000)
