import { Context, type Effect } from "effect"
import type { LogUnavailable } from "./errors.ts"

/** Room kept to finish: new jobs are refused while any stream or bucket is 85 % full (job-log rule 6). */
export class Capacity extends Context.Service<Capacity, {
  /** Cached for a second. `full` names the first stream or bucket above the mark. */
  readonly check: Effect.Effect<{ readonly full: string | undefined }, LogUnavailable>
  /** Warnings about durability and limits, as `/readyz` shows them. */
  readonly warnings: Effect.Effect<ReadonlyArray<string>, LogUnavailable>
}>()("darkroom/platform/nats/Capacity") {}
