import { Context, Deferred, Effect, Layer } from "effect"

/** The two moments of a graceful stop. */
export class Shutdown extends Context.Service<Shutdown, {
  /** Resolves when the gateway stops accepting: streams end so that clients reconnect elsewhere. */
  readonly begun: Effect.Effect<void>
  /** Resolves when the grace time is over: requests that still wait are answered at once. */
  readonly graceOver: Effect.Effect<void>
  readonly isBegun: Effect.Effect<boolean>
  readonly begin: Effect.Effect<void>
  readonly endGrace: Effect.Effect<void>
}>()("darkroom/gateway/Shutdown") {
  static readonly layer = Layer.effect(
    Shutdown,
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const graceOver = yield* Deferred.make<void>()
      return Shutdown.of({
        begun: Deferred.await(begun),
        graceOver: Deferred.await(graceOver),
        isBegun: Deferred.isDone(begun),
        begin: Effect.asVoid(Deferred.succeed(begun, undefined)),
        endGrace: Effect.asVoid(Deferred.succeed(graceOver, undefined))
      })
    })
  )
}
