import { Clock, Effect, Semaphore } from "effect"
import { laneName } from "../../contract/Lane.ts"
import type { Connection } from "./Connection.ts"
import { LogUnavailable } from "./errors.ts"
import { agedAfterMs, type Candidate, pollOrder, served } from "./laneSchedule.ts"
import type { Wake } from "./laneWakes.ts"
import { type LanePolled, PolledLanes, type PollRequest } from "./PolledLanes.ts"
import { makePull } from "./pull.ts"
import { toWorkMessage } from "./workMessage.ts"
import { readHead } from "./workReads.ts"

/** The age of a waiting head is read again after this long: to let it go first, or to load its model when nothing else waits. */
const headReadEveryMs = { aged: 10_000, wanted: 1_000 }
const headReadsAtOnce = 8
/** A lane that was woken just now and answers "empty" is asked again after 1, 2 and 4 ms. */
const settlingPulls = 3

/** A lane of another model must be read before its age can be trusted; one of a loaded model only once it may be aged. */
const needsReading = (nowMs: number) => ({ candidate, memory }: LanePolled): boolean => {
  const ageMs = memory.headAgeMs(nowMs)
  if (candidate.loaded) return ageMs !== undefined && ageMs >= agedAfterMs
  return ageMs === undefined || ageMs >= candidate.affinityDelayMs
}

/**
 * Polls lanes in the schedule's order with what this program remembers of them: an idle lane costs one request a
 * second, a woken one is asked at once. One poll at a time, because each is to bring one message.
 */
export const makePoll = Effect.fnUntraced(function*({ jsm, nc }: Connection["Service"]) {
  const pull = yield* makePull(nc)
  const turn = yield* Semaphore.make(1)
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const polled = new PolledLanes()

  /** Reads a lane's head when its age may matter and what is known of it is too old. */
  const refresh = Effect.fnUntraced(function*(pool: string, { candidate, memory }: LanePolled, everyMs: number) {
    if (memory.headReadMsAgo(now()) < everyMs) return
    const wakes = memory.wakes
    const head = yield* readHead(nc, jsm, { pool, model: candidate.model, lane: laneName(candidate.lane) })
    memory.read(head, now(), wakes)
  })

  const take = Effect.fnUntraced(function*(pool: string, lane: LanePolled, candidate: Candidate) {
    const wakes = lane.memory.wakes
    let pulled = yield* pull(lane.consumer)
    for (let again = 0; pulled._tag === "Empty" && again < settlingPulls && lane.memory.isSettling(now()); again++) {
      yield* Effect.sleep(2 ** again)
      pulled = yield* pull(lane.consumer)
    }
    switch (pulled._tag) {
      case "Message": {
        const memory = polled.pool(pool)
        lane.memory.delivered(pulled.delivery, now(), wakes)
        memory.turns = served(memory.turns, candidate)
        const message = toWorkMessage(nc, pulled.message, pulled.delivery)
        if (message === undefined) {
          yield* Effect.logWarning(`dropped a message of WORK that is not a job's: ${pulled.message.subject}`)
          pulled.message.respond("+TERM")
        }
        return message
      }
      case "Empty":
        lane.memory.foundEmpty(now(), wakes)
        return undefined
      case "Missing":
        return "missing" as const
      case "Refused":
        return yield* new LogUnavailable({ operation: `pull from ${lane.consumer}`, cause: pulled.reason })
      case "Late":
        return yield* new LogUnavailable({ operation: `pull from ${lane.consumer}`, cause: "the broker did not answer in time" })
    }
  })

  const poll = Effect.fnUntraced(function*(wanted: PollRequest) {
    const missing: Array<string> = []
    const asked = new Set<LanePolled>()
    const all = polled.of(wanted)

    /** Polls what may be polled now; others only with a head read during this poll. */
    const round = Effect.fnUntraced(function*(withOthers: boolean) {
      const open = all.filter((lane) => !asked.has(lane) && !lane.memory.isEmpty(now()))
      yield* Effect.forEach(
        open.filter(needsReading(now())),
        (lane) =>
          refresh(wanted.pool, lane, withOthers && !lane.candidate.loaded ? headReadEveryMs.wanted : headReadEveryMs.aged),
        { concurrency: headReadsAtOnce, discard: true }
      )
      const byCandidate = new Map(open.flatMap((lane) => {
        if (lane.memory.isEmpty(now())) return []
        const headAgeMs = lane.memory.headAgeMs(now())
        // Before others are read, only one that has waited very long competes with loaded models.
        if (!lane.candidate.loaded && !withOthers && (headAgeMs ?? 0) < agedAfterMs) return []
        return [[{ ...lane.candidate, headAgeMs } as Candidate, lane] as const]
      }))
      for (const candidate of pollOrder(polled.pool(wanted.pool).turns, [...byCandidate.keys()])) {
        const lane = byCandidate.get(candidate)
        if (lane === undefined || asked.has(lane)) continue
        if (!candidate.loaded) {
          // Another agent may have taken the old head meanwhile; a model is not loaded for the young one behind it.
          yield* refresh(wanted.pool, lane, 0)
          if (lane.memory.isEmpty(now()) || (lane.memory.headAgeMs(now()) ?? 0) < candidate.affinityDelayMs) continue
        }
        asked.add(lane)
        const taken = yield* take(wanted.pool, lane, candidate)
        if (taken === "missing") missing.push(lane.consumer)
        else if (taken !== undefined) return taken
      }
      return undefined
    })

    const taken = (yield* round(false)) ?? (wanted.others.length > 0 ? yield* round(true) : undefined)
    if (taken === undefined && missing.length > 0) {
      return yield* new LogUnavailable({
        operation: `pull from ${missing.join(", ")}`,
        cause: "no such consumer, or it has no leader now: were the pool's lanes created?"
      })
    }
    return taken
  })

  return {
    poll: (wanted: PollRequest) => turn.withPermit(poll(wanted)),
    woken: (pool: string, { lane, model }: Wake) => polled.lane(pool, model, lane).woken(now())
  }
})
