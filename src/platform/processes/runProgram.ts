import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit } from "effect"
import { telemetry } from "../telemetry/Telemetry.ts"
import { describeFailure } from "./describeFailure.ts"

const describe = (cause: Cause.Cause<unknown>) => {
  const message = describeFailure(cause)
  return message === undefined ? Effect.logFatal("a bug ended the program", cause) : Effect.logFatal(message)
}

/**
 * A program's main effect with logs and traces: SIGTERM and SIGINT interrupt it and, once its finalizers have run, it
 * exits with 0; an error is logged and exits with 1.
 */
export const runProgram = <E>(name: string, version: string, main: Effect.Effect<unknown, E>): void =>
  NodeRuntime.runMain(
    main.pipe(
      Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : describe(cause))),
      Effect.provide(telemetry(name, version))
    ),
    {
      disableErrorReporting: true,
      teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
    }
  )
