import { Context, Effect, Layer, Schema, type Scope, Stream } from "effect"
import { CancelSignal, DrainReply, DrainRequest, Progress } from "../../contract/AgentMessages.ts"
import { cancelSubject, drainSubject, progressSubject } from "../../contract/subjects.ts"
import { Connection } from "./Connection.ts"
import { LogUnavailable } from "./errors.ts"
import { coreMessages } from "./coreMessages.ts"

/** How long a drain request waits for the agent's answer. */
const drainReplyTimeoutMs = 2_000

export interface AgentName {
  readonly pool: string
  readonly agent: string
}

/** Core NATS signals about one job or agent: at most once. */
export class Signals extends Context.Service<Signals, {
  readonly cancel: (jobId: string) => Effect.Effect<void>
  /** Job ids for which somebody asked to cancel; the listener re-reads the record. */
  readonly cancels: Stream.Stream<string, LogUnavailable>
  readonly progress: (progress: Progress) => Effect.Effect<void>
  readonly progressOf: (jobId: string) => Stream.Stream<Progress, LogUnavailable>
  /** Of every job. */
  readonly allProgress: Stream.Stream<Progress, LogUnavailable>
  /** Asks an agent to drain: a lease of 30 s. Fails when the agent does not answer. */
  readonly drain: (agent: AgentName, requestedBy: string) => Effect.Effect<DrainReply, LogUnavailable>
  /** Tells an agent that it need not drain any more; one that does not hear it goes back to work when the lease is over. */
  readonly resume: (agent: AgentName, requestedBy: string) => Effect.Effect<void>
  /** Answers drain requests for an agent until the scope closes. */
  readonly serveDrain: (
    agent: AgentName,
    answer: (request: DrainRequest) => Effect.Effect<DrainReply>
  ) => Effect.Effect<void, LogUnavailable, Scope.Scope>
  /** Messages that could not be read since the start; they are skipped. */
  readonly unreadable: Effect.Effect<number>
}>()("darkroom/platform/nats/Signals") {
  static readonly layer = Layer.effect(
    Signals,
    Effect.gen(function*() {
      const { nc } = yield* Connection
      const messages = coreMessages(nc)

      const cancel = Effect.fn("Signals.cancel")((jobId: string) =>
        messages.publish(cancelSubject(jobId), CancelSignal, { job_id: jobId })
      )
      const cancels = Stream.map(
        messages.listen("control.cancel.*", CancelSignal),
        (signal) => signal.job_id
      )
      const progress = (report: Progress) => messages.publish(progressSubject(report.job_id), Progress, report)
      const progressOf = (jobId: string) => messages.listen(progressSubject(jobId), Progress)

      const drain = Effect.fn("Signals.drain")(function*({ agent, pool }: AgentName, requestedBy: string) {
        const reply = yield* Effect.tryPromise({
          try: () =>
            nc.request(drainSubject(pool, agent), JSON.stringify({ requested_by: requestedBy }), { timeout: drainReplyTimeoutMs }),
          catch: (cause) => new LogUnavailable({ operation: `ask agent ${agent} to drain`, cause })
        })
        return yield* Schema.decodeUnknownEffect(Schema.fromJsonString(DrainReply))(reply.string()).pipe(
          Effect.mapError((cause) => new LogUnavailable({ operation: `read the drain reply of agent ${agent}`, cause }))
        )
      })

      const resume = Effect.fn("Signals.resume")(({ agent, pool }: AgentName, requestedBy: string) =>
        messages.publish(drainSubject(pool, agent), DrainRequest, { requested_by: requestedBy, resume: true })
      )

      const serveDrain = Effect.fn("Signals.serveDrain")(({ agent, pool }: AgentName, answer: (request: DrainRequest) => Effect.Effect<DrainReply>) =>
        messages.serve(drainSubject(pool, agent), DrainRequest, DrainReply, answer)
      )

      return Signals.of({
        cancel,
        cancels,
        progress,
        progressOf,
        allProgress: messages.listen("progress.*", Progress),
        drain,
        resume,
        serveDrain,
        unreadable: Effect.sync(messages.unreadable)
      })
    })
  )
}
