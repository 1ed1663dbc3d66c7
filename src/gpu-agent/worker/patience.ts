import { Schedule } from "effect"

/** A result is kept for as long as it takes: the broker may be away, or a stream full (job-log rule 5). */
export const patience = Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)
