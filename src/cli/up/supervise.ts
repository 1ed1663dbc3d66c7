import { Deferred, Duration, Effect, type Scope } from "effect"
import { type Child, type ChildExit, describeExit } from "../../platform/processes/Child.ts"
import { lastWords } from "./logs.ts"

/** Ends of one program in a row before it is given up: it has no way to work. */
const failuresMax = 5
const restartDelayMinMs = 200
const restartDelayMaxMs = 5_000
/** A program that ran this long did not fail at starting. */
const stableAfterMs = 10_000

export interface Supervised {
  /** Fails when the program was given up. */
  readonly givenUp: Effect.Effect<never, GivenUp>
}

export class GivenUp extends Error {
  override readonly name = "GivenUp"
}

const say = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

/**
 * Keeps a program running until the scope closes: started again, with a line that says so, whatever ended it. On closing
 * it gets SIGTERM, and SIGKILL after `graceMs`.
 */
export const supervise = (options: {
  readonly name: string
  readonly start: Effect.Effect<Child>
  /** Called after each start, before the program counts as there (the broker waits for its port). */
  readonly ready?: (child: Child) => Effect.Effect<void, Error>
  readonly graceMs: number
  /** Where a person finds out why. */
  readonly log: string
}): Effect.Effect<Supervised, Error, Scope.Scope> =>
  Effect.gen(function*() {
    const { name } = options
    const gone = yield* Deferred.make<never, GivenUp>()
    let current: Child | undefined
    let isStopping = false

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isStopping = true
        return current === undefined ? Effect.void : current.stop(options.graceMs)
      })
    )

    const launch = Effect.gen(function*() {
      const child = yield* options.start
      current = child
      yield* options.ready?.(child) ?? Effect.void
      return child
    })

    const afterEnd = Effect.fnUntraced(function*(exit: ChildExit, failures: number) {
      if (failures >= failuresMax) {
        const words = lastWords(options.log)
        const message = `${name} ended ${failures} times in a row (${describeExit(exit)})${words === "" ? "" : `: ${words}`}\nits log: ${options.log}`
        yield* Deferred.fail(gone, new GivenUp(message))
        return yield* Effect.never
      }
      yield* say(`${name} ended (${describeExit(exit)}); starting it again`)
      yield* Effect.sleep(Duration.millis(Math.min(restartDelayMaxMs, restartDelayMinMs * 2 ** (failures - 1))))
    })

    const watch = Effect.fnUntraced(function*(first: Child) {
      let child = first
      let failures = 0
      while (true) {
        const startedAt = performance.now()
        const exit = yield* child.exited
        if (isStopping) return
        failures = performance.now() - startedAt >= stableAfterMs ? 1 : failures + 1
        yield* afterEnd(exit, failures)
        child = yield* launch.pipe(Effect.catch((error) => Effect.as(say(`${name}: ${error.message}`), current ?? child)))
      }
    })

    const first = yield* launch
    yield* Effect.forkScoped(watch(first))
    return { givenUp: Deferred.await(gone) }
  })
