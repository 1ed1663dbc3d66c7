import { laneName, lanes } from "../../contract/Lane.ts"
import { laneConsumer } from "../../contract/subjects.ts"
import { LaneMemory } from "./laneMemory.ts"
import { type Candidate, freshTurns, type Turns } from "./laneSchedule.ts"

export interface PollRequest {
  readonly pool: string
  readonly loaded: ReadonlyArray<string>
  readonly others: ReadonlyArray<string>
  readonly affinityDelayMs: (model: string) => number
}

export interface LanePolled {
  readonly candidate: Omit<Candidate, "headAgeMs">
  readonly consumer: string
  readonly memory: LaneMemory
}

interface PoolMemory {
  readonly lanes: Map<string, LaneMemory>
  turns: Turns
}

/** What one program remembers of the lanes it polls; bounded by its pools, models and lanes. */
export class PolledLanes {
  readonly #pools = new Map<string, PoolMemory>()

  pool(pool: string): PoolMemory {
    const known = this.#pools.get(pool) ?? { lanes: new Map(), turns: freshTurns }
    this.#pools.set(pool, known)
    return known
  }

  lane(pool: string, model: string, lane: string): LaneMemory {
    const { lanes: memories } = this.pool(pool)
    const key = `${lane}/${model}`
    const known = memories.get(key) ?? new LaneMemory()
    memories.set(key, known)
    return known
  }

  of({ affinityDelayMs, loaded, others, pool }: PollRequest): ReadonlyArray<LanePolled> {
    return [...new Set([...loaded, ...others])].flatMap((model) =>
      lanes.map((lane) => ({
        candidate: {
          model,
          lane,
          loaded: loaded.includes(model),
          affinityDelayMs: loaded.includes(model) ? 0 : affinityDelayMs(model)
        },
        consumer: laneConsumer(pool, model, laneName(lane)),
        memory: this.lane(pool, model, laneName(lane))
      }))
    )
  }
}
