import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { makeMemoryApiServer } from "../../testing/MemoryApiServer.ts"
import { EventRecorder, type Occurrence } from "./EventRecorder.ts"
import { KubeClient } from "./KubeClient.ts"
import { events } from "./resources.ts"

const occurrence = (reason: string, message = "from 0 to 3, 3 jobs wait"): Occurrence => ({
  regarding: { apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", name: "h100", uid: "u" },
  type: "Normal",
  reason,
  message
})

const make = () => {
  const server = makeMemoryApiServer()
  return { server, layer: Layer.provideMerge(EventRecorder.layer("darkroom-operator", "operator-0"), KubeClient.over(server.transport)) }
}

const settle = Effect.forEach(Array.from({ length: 50 }), () => Effect.andThen(TestClock.adjust(1), Effect.yieldNow), { discard: true })
const recorded = KubeClient.use((client) => client.list(events)).pipe(Effect.map(({ items }) => items))

describe("EventRecorder", () => {
  it.effect("writes one event a transition and counts the same one again", () => {
    const { layer } = make()
    return Effect.gen(function*() {
      const { record } = yield* EventRecorder
      yield* record(occurrence("ScaledUp"))
      yield* record(occurrence("ScaledUp"))
      yield* record(occurrence("ScaledUp"))
      yield* record(occurrence("ScaledUp", "from 3 to 4"))
      yield* settle
      const all = yield* recorded
      assert.sameDeepMembers(all.map(({ count, message }) => [message, count]), [["from 0 to 3, 3 jobs wait", 3], ["from 3 to 4", 1]])
      assert.strictEqual(all[0]?.involvedObject.uid, "u")
      assert.strictEqual(all[0]?.involvedObject.namespace, "default")
      yield* TestClock.adjust("11 minutes")
      yield* record(occurrence("ScaledUp"))
      yield* settle
      assert.lengthOf(yield* recorded, 3, "much later it is a new one")
    }).pipe(Effect.provide(layer))
  })

  it.effect("an object may cause a few at once and then one a minute", () => {
    const { layer, server } = make()
    return Effect.gen(function*() {
      const { record } = yield* EventRecorder
      for (let index = 0; index < 100; index++) yield* record(occurrence("Flapping", `${index}`))
      yield* settle
      assert.strictEqual(server.requests.filter(({ method }) => method === "POST").length, 25)
      yield* TestClock.adjust("2 minutes")
      for (let index = 0; index < 100; index++) yield* record(occurrence("Flapping", `later ${index}`))
      yield* settle
      assert.strictEqual(server.requests.filter(({ method }) => method === "POST").length, 27)
    }).pipe(Effect.provide(layer))
  })

  it.effect("neither fails nor waits when nothing can be written; what was never written is created next time", () => {
    const { layer, server } = make()
    return Effect.gen(function*() {
      const { record } = yield* EventRecorder
      server.faults.request = () => "hang"
      for (let index = 0; index < 1_000; index++) {
        yield* record({ ...occurrence("Many"), regarding: { ...occurrence("Many").regarding, uid: `u${index}` } })
      }
      yield* settle
      assert.lengthOf(server.requests, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("an event that was refused is created anew next time", () => {
    const { layer, server } = make()
    return Effect.gen(function*() {
      const { record } = yield* EventRecorder
      server.faults.request = () => ({ answer: { status: 500 } })
      yield* record(occurrence("ScaledUp"))
      yield* settle
      server.faults.request = () => undefined
      yield* record(occurrence("ScaledUp"))
      yield* settle
      assert.lengthOf(yield* recorded, 1)
    }).pipe(Effect.provide(layer))
  })
})
