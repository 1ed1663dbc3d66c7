import { Effect, Schema } from "effect"
import { createServer } from "node:net"

export class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", {
  port: Schema.Int,
  what: Schema.String,
  variable: Schema.String
}) {
  override get message(): string {
    return `port ${this.port} (${this.what}) is in use by another program: stop it, or set ${this.variable} to a free port`
  }
}

/** Loopback, by both protocols: a listener on one of them would answer some clients in our place. */
const isFree = (port: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const probe = createServer()
    probe.once("error", () => resume(Effect.succeed(false)))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resume(Effect.succeed(true))))
  })

export const requireFree = (port: number, what: string, variable: string): Effect.Effect<void, PortTaken> =>
  Effect.flatMap(isFree(port), (free) => (free ? Effect.void : Effect.fail(new PortTaken({ port, what, variable }))))

const lowest = 18_000
const highest = 32_000
const attempts = 200

/** A free loopback port below the range that systems hand to outgoing connections, so that it is still free after a crash. */
export const freePort: Effect.Effect<number> = Effect.gen(function*() {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (yield* isFree(port)) return port
  }
  return yield* Effect.die(new Error(`there is no free port between ${lowest} and ${highest}`))
})
