import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Reflector } from "../../platform/kubernetes/Reflector.ts"
import { freePort } from "../../testing/NatsServer.ts"
import { Cluster } from "../fleet/Cluster.ts"
import { healthServer } from "./HealthServer.ts"
import { OperatorMetrics } from "./OperatorMetrics.ts"

/** Copies that were last told something so long ago. */
const clusterHeard = (lastContactMs: Effect.Effect<number>) => {
  const reflector = { lastContactMs, missed: Effect.succeed(0) } as Partial<Reflector<never>> as Reflector<never>
  return Layer.succeed(Cluster, { pods: reflector, pools: reflector, lastIn: () => "" })
}

const statusOf = (path: string, lastContactMs: Effect.Effect<number>) =>
  Effect.gen(function*() {
    const port = yield* Effect.promise(freePort)
    const server = healthServer({ port, host: "127.0.0.1" }).pipe(Layer.provide([clusterHeard(lastContactMs), OperatorMetrics.layer]))
    const answer = Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`).then((response) => response.status))
    return yield* Effect.provide(answer, server)
  })

describe("the operator's health", () => {
  it.live("it lives as long as it answers, whatever it waits for", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* statusOf("/livez", Effect.never), 200)
    }))

  it.live("it is ready while the API server is heard", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* statusOf("/readyz", Effect.succeed(179_000)), 200)
      assert.strictEqual(yield* statusOf("/readyz", Effect.succeed(181_000)), 503)
      assert.strictEqual(yield* statusOf("/metrics", Effect.succeed(0)), 200)
      assert.strictEqual(yield* statusOf("/else", Effect.succeed(0)), 404)
    }))
})
