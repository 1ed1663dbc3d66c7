import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Lanes } from "../../src/platform/nats/Lanes.ts"
import { laneServices } from "./laneServices.ts"
import { live } from "./logServices.ts"
import { kubeOf, memoryApiServer, patiently, startMortal } from "./operatorRig.ts"

/**
 * Kills the operator after each of its writes to the API server in turn, before it learns that the write was done, and lets
 * another one go on: up to two pods, down to none, and away. The end must be the same as without a crash.
 */

/** More than one life of a pool takes. */
const writesMax = 40

/** A new operator takes what runs for the demand of now, so a cooldown begins anew with it. */
const scaling = { cooldown: "1s" }
const spec = (replicas: number) => ({ models: ["noop"], replicas, maxReplicas: 3, placement: { gpu: { count: 0 } }, scaling })

const lifeOf = (nth: number) =>
  Effect.gen(function*() {
    const name = `crash-${nth}`
    const server = memoryApiServer()
    const kube = kubeOf(server)
    const lanes = yield* Lanes
    const writes = yield* startMortal(server, nth)
    yield* kube.apply(name, spec(2))
    yield* patiently("two pods and a status that says so", Effect.gen(function*() {
      const status = yield* kube.status(name)
      return (yield* kube.podsOf(name)).length === 2 && status?.replicas === 2 && status.observedGeneration === 1
    }))
    const pods = yield* kube.podsOf(name)
    assert.deepStrictEqual(pods.map(({ metadata }) => metadata.labels?.["darkroom.dev/slot"]).sort(), ["0", "1"])
    assert.strictEqual(server.createdPods(), 2, "one creation a pod")

    yield* kube.apply(name, spec(0))
    yield* patiently("no pods and a status that says so", Effect.gen(function*() {
      const status = yield* kube.status(name)
      return (yield* kube.podsOf(name)).length === 0 && status?.replicas === 0 && status.observedGeneration === 2
    }))

    yield* kube.deletePool(name)
    yield* patiently("the pool is gone", Effect.map(kube.pool(name), (found) => found === undefined))
    assert.isFalse((yield* lanes.existing).has(name), "its lanes are gone")
    assert.strictEqual(server.createdPods(), 2, "nothing was created on the way out")
    return writes()
  }).pipe(Effect.scoped)

layer(laneServices, live)("operator killed after each write", (it) => {
  it.effect("comes to the same end", () =>
    Effect.gen(function*() {
      for (let nth = 1; nth <= writesMax; nth++) {
        const writes = yield* lifeOf(nth)
        // It lived to the end: there is no later write to die after.
        if (writes < nth) return assert.isAtLeast(nth, 8, "finalizer, two pods, two deletions, statuses, finalizer")
      }
      assert.fail(`a pool's life takes more than ${writesMax} writes`)
    }), 240_000)
})
