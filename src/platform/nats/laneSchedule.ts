import type { Lane, Priority, Share } from "../../contract/Lane.ts"

/**
 * Which lane an agent polls next. Pure and deterministic: state and candidates in, an order out.
 *
 * Weighted turns at three levels: priorities, the shares inside a priority, the models inside a lane. Each level keeps
 * a virtual clock (start-time fair queuing): who was served pays by its weight, and who had nothing to serve gains no
 * credit for later. Whole numbers only, so that the weights hold exactly.
 */
export const priorityWeights: Readonly<Record<Priority, number>> = { 0: 8, 1: 3, 2: 1 }
export const shareWeights: Readonly<Record<Share, number>> = { 0: 4, 1: 2, 2: 1 }
/** Divisible by every weight. */
const fullTurn = 24

/** A head older than this goes first, whatever its lane. */
export const agedAfterMs = 60_000
/** … but at most one pick in so many, because in a long overload every head is old and the weights must still hold. */
export const agedPickEvery = 4

export interface Candidate {
  readonly model: string
  readonly lane: Lane
  /** The model is in the agent's memory. */
  readonly loaded: boolean
  /** Age of the lane's oldest waiting message; `undefined` when not known. */
  readonly headAgeMs: number | undefined
  /** A model that is not loaded is polled only when its head is at least this old. */
  readonly affinityDelayMs: number
}

/** Virtual clocks by level, and what each member has been charged so far. Bounded by lanes × models. */
export interface Turns {
  readonly clocks: ReadonlyMap<string, number>
  readonly charged: ReadonlyMap<string, number>
  readonly picksSinceAged: number
}

export const freshTurns: Turns = { clocks: new Map(), charged: new Map(), picksSinceAged: agedPickEvery }

interface Step {
  readonly level: string
  readonly member: string
  readonly cost: number
}

/** The candidate's path through the levels, highest first. */
const stepsOf = ({ lane, model }: Candidate): ReadonlyArray<Step> => {
  const priority = `p${lane.priority}`
  const share = `${priority}s${lane.share}`
  return [
    { level: "", member: priority, cost: fullTurn / priorityWeights[lane.priority] },
    { level: priority, member: share, cost: fullTurn / shareWeights[lane.share] },
    { level: share, member: `${share}/${model}`, cost: fullTurn }
  ]
}

const startOf = (turns: Turns, { level, member }: Step): number =>
  Math.max(turns.clocks.get(level) ?? 0, turns.charged.get(member) ?? 0)

/** Compares from the first number on. */
const byRank = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

const isEligible = (candidate: Candidate): boolean =>
  candidate.loaded || (candidate.headAgeMs !== undefined && candidate.headAgeMs >= candidate.affinityDelayMs)

/** The aged head whose turn it is, if any: the oldest. */
const agedHead = (turns: Turns, eligible: ReadonlyArray<Candidate>): Candidate | undefined => {
  if (turns.picksSinceAged + 1 < agedPickEvery) return undefined
  let oldest: Candidate | undefined
  for (const candidate of eligible) {
    const ageMs = candidate.headAgeMs ?? 0
    if (ageMs >= agedAfterMs && ageMs > (oldest?.headAgeMs ?? 0)) oldest = candidate
  }
  return oldest
}

/** The order to poll in: an aged head, then loaded models, then others whose head is old enough. The rest is left out. */
export const pollOrder = (turns: Turns, candidates: ReadonlyArray<Candidate>): ReadonlyArray<Candidate> => {
  const eligible = candidates.filter(isEligible)
  const aged = agedHead(turns, eligible)
  return eligible
    .map((candidate) => {
      const starts = stepsOf(candidate).map((step) => startOf(turns, step))
      const { priority, share } = candidate.lane
      const rank = [
        candidate === aged ? 0 : 1,
        candidate.loaded ? 0 : 1,
        starts[0] ?? 0,
        priority,
        starts[1] ?? 0,
        share,
        starts[2] ?? 0
      ]
      return { candidate, rank }
    })
    .sort((a, b) => byRank(a.rank, b.rank))
    .map(({ candidate }) => candidate)
}

/** The turns after a message of this candidate was taken. `aged`: its head was old enough to go first. */
export const served = (turns: Turns, candidate: Candidate): Turns => {
  const clocks = new Map(turns.clocks)
  const charged = new Map(turns.charged)
  for (const step of stepsOf(candidate)) {
    const start = startOf(turns, step)
    clocks.set(step.level, start)
    charged.set(step.member, start + step.cost)
  }
  const wasAged = (candidate.headAgeMs ?? 0) >= agedAfterMs && turns.picksSinceAged + 1 >= agedPickEvery
  return { clocks, charged, picksSinceAged: wasAged ? 0 : Math.min(turns.picksSinceAged + 1, agedPickEvery) }
}
