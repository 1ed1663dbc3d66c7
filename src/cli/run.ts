import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit } from "effect"
import { describeFailure } from "../platform/processes/describeFailure.ts"

const describe = (cause: Cause.Cause<unknown>): string => {
  const message = describeFailure(cause)
  return message === undefined ? `a bug in darkroom:\n${Cause.pretty(cause)}` : `error: ${message}`
}

/**
 * Runs a command: exit code 0, or 1 with a reason on standard error. A second Ctrl-C does not wait for the stop; the first one
 * is the ordinary end of what serves, and of other commands it is none (`interruptedCode`).
 */
export const run = <E>(command: Effect.Effect<unknown, E>, interruptedCode = 0): void => {
  process.once("SIGINT", () => process.once("SIGINT", () => process.exit(130)))
  NodeRuntime.runMain(
    Effect.tapCause(command, (cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.sync(() => void process.stderr.write(`${describe(cause)}\n`))
    ),
    {
      disableErrorReporting: true,
      teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) ? 0 : Cause.hasInterruptsOnly(exit.cause) ? interruptedCode : 1)
    }
  )
}
