import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { StoredEvent } from "../../contract/JobEvent.ts"
import { JobLog } from "../../platform/nats/JobLog.ts"
import { jobEvent, jobRecord } from "../../testing/records.ts"
import { GatewayConfig } from "../config.ts"
import { Projection } from "../projection/Projection.ts"
import { FeedHub } from "./FeedHub.ts"

const stored = (sequence: number): StoredEvent => ({ sequence, storedAt: new Date(0), event: jobEvent("queued", jobRecord()) })

describe("the feed", () => {
  it.effect("goes on when events arrive while the log's state is read", () =>
    Effect.gen(function*() {
      const events = yield* Queue.unbounded<StoredEvent>()
      let lastSequence = 0
      let opened = 0
      const arrive = Effect.suspend(() => Queue.offer(events, stored(++lastSequence)))
      let meanwhile: Effect.Effect<unknown> = Effect.void
      const log = Layer.mock(JobLog)({
        state: Effect.suspend(() => {
          const state = { createdAt: "life-1", firstSequence: 1, lastSequence }
          return Effect.as(meanwhile, state)
        }),
        feed: () => Stream.suspend(() => {
          opened += 1
          return Stream.fromQueue(events)
        })
      })
      const dataDir = mkdtempSync(join(tmpdir(), "darkroom-feed-"))
      const config = GatewayConfig.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ DATA_DIR: dataDir }))))
      const hub = FeedHub.layer.pipe(Layer.provideMerge(Projection.layer), Layer.provide([log, config]))
      yield* Effect.gen(function*() {
        const projection = yield* Projection
        yield* TestClock.adjust("1 second")
        yield* arrive
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* projection.cursor)?.sequence, 1)
        meanwhile = Effect.andThen(arrive, Effect.suspend(() => projection.reach(lastSequence)))
        yield* TestClock.adjust("20 seconds")
        assert.isAbove(lastSequence, 2)
        assert.strictEqual(opened, 1)
      }).pipe(Effect.provide(hub), Effect.ensuring(Effect.sync(() => rmSync(dataDir, { recursive: true }))))
    }))
})
