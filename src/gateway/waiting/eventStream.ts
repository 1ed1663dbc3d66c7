import { type Cause, Clock, Effect, Queue, Stream } from "effect"
import type { JobRecord } from "../../contract/Job.ts"
import { JobLog } from "../../platform/nats/JobLog.ts"
import { GatewayConfig } from "../config.ts"
import { Metrics } from "../metrics/Metrics.ts"
import { Projection } from "../projection/Projection.ts"
import { Shutdown } from "../Shutdown.ts"
import { FeedHub } from "./FeedHub.ts"
import { ProgressHub } from "./ProgressHub.ts"
import { advance, initialState, keepAliveFrame, retryFrame, type StreamInput } from "./frames.ts"

const reconnectMs = 2_000
/** A stream that the gateway ends is to be opened again at once, elsewhere. */
const reconnectAfterStopMs = 500
const tickMs = 1_000
/** Every so many ticks the leader is asked, in case the feed is broken. */
const rereadTicks = 10
const inputsMax = 256

type Input = StreamInput | { readonly _tag: "Tick"; readonly tick: number } | { readonly _tag: "Stop" }

/**
 * The text of one job's event stream: what the log has after `lastSequence`, then what happens. Ends when the job has
 * ended or the gateway stops. Everything it holds is released when the reader goes away.
 */
export const eventStream = (record: JobRecord, lastSequence: number) =>
  Stream.callback<string, never, FeedHub | GatewayConfig | JobLog | Metrics | ProgressHub | Projection | Shutdown>(
    (output) => watch(record, lastSequence, output),
    { bufferSize: inputsMax, strategy: "suspend" }
  )

const watch = Effect.fnUntraced(function*(
  record: JobRecord,
  lastSequence: number,
  output: Queue.Queue<string, Cause.Done>
) {
  const jobId = record.job_id
  const hub = yield* FeedHub
  const log = yield* JobLog
  const metrics = yield* Metrics
  const projection = yield* Projection
  const shutdown = yield* Shutdown
  const progress = yield* ProgressHub
  const { sseKeepAliveMs } = yield* GatewayConfig

  yield* Effect.acquireRelease(Effect.sync(metrics.streamOpened), () => Effect.sync(metrics.streamClosed))
  // Slow readers lose steps and ticks; log events are few, and none may be missing.
  const inputs = yield* Queue.unbounded<Input>()
  const offer = (input: Input) => {
    const isNeeded = input._tag === "Stored" || input._tag === "Stop"
    if (isNeeded || Queue.sizeUnsafe(inputs) < inputsMax) Queue.offerUnsafe(inputs, input)
  }
  yield* hub.listen(jobId, (stored) => offer({ _tag: "Stored", stored }))
  yield* progress.listen(jobId, (progress) => offer({ _tag: "Progress", progress }))
  yield* Effect.forkScoped(Effect.andThen(shutdown.begun, Effect.sync(() => offer({ _tag: "Stop" }))))
  let tick = 0
  yield* Effect.sync(() => offer({ _tag: "Tick", tick: tick++ })).pipe(
    Effect.andThen(Effect.sleep(tickMs)),
    Effect.forever,
    Effect.forkScoped
  )

  let state = initialState(lastSequence, record)
  let sentAtMs = yield* Clock.currentTimeMillis
  const send = Effect.fnUntraced(function*(text: string) {
    if (text === "") return
    sentAtMs = yield* Clock.currentTimeMillis
    yield* Queue.offer(output, text)
  })
  const take = Effect.fnUntraced(function*(input: StreamInput) {
    const step = advance(state, input)
    state = step.state
    yield* send(step.text)
  })
  /** What the log has and this stream has not: at the beginning, and in case the feed is broken. */
  const catchUp = Effect.suspend(() => log.history(jobId, state.lastSequence)).pipe(
    Effect.flatMap((events) => Effect.forEach(events, (stored) => take({ _tag: "Stored", stored }), { discard: true })),
    Effect.ignore
  )

  const onTick = Effect.fnUntraced(function*(tick: number) {
    if (tick > 0 && tick % rereadTicks === 0) yield* catchUp
    const row = state.jobState === "queued" ? yield* projection.find(jobId) : undefined
    if (row?.record.state === "queued") yield* take({ _tag: "Position", position: yield* projection.ahead(row) })
    if ((yield* Clock.currentTimeMillis) - sentAtMs >= sseKeepAliveMs) yield* send(keepAliveFrame)
  })

  yield* send(retryFrame(reconnectMs))
  yield* catchUp
  const latest = progress.latest(jobId)
  if (latest !== undefined) yield* take({ _tag: "Progress", progress: latest })
  while (!state.done) {
    const input = yield* Queue.take(inputs)
    if (input._tag === "Stop") {
      yield* send(retryFrame(reconnectAfterStopMs))
      break
    }
    yield* input._tag === "Tick" ? onTick(input.tick) : take(input)
  }
  yield* Queue.end(output)
})
