import { durationMs, type GpuPoolStatus } from "../../contract/GpuPool.ts"
import type { StoredGpuPool } from "../../platform/kubernetes/resources.ts"
import type { Sighting } from "../fleet/observe.ts"
import type { BrokenPod, SeenStarts } from "../fleet/podSightings.ts"
import type { PodView } from "../fleet/podView.ts"
import { noFailures, type Restarts } from "../fleet/restarts.ts"
import type { Memory, ObservedDepth } from "../scaling/decide.ts"
import { noLanes, type PoolLanes } from "./poolLanes.ts"
import type { PlanInput } from "./podPlan.ts"

/** What the operator remembers of one pool between two looks; nothing of it must survive a restart. */
export interface PoolState extends PoolLanes {
  memory: Memory | undefined
  listening: { readonly since: number | undefined; readonly lookedAt: number }
  sightings: ReadonlyArray<Sighting>
  started: SeenStarts
  /** Pods that were asked to drain. */
  asked: ReadonlySet<string>
  busySince: PlanInput["busySince"]
  restarts: Restarts
  /** UIDs of pods whose end was counted as a failure. */
  counted: ReadonlySet<string>
  revision: string
  refused: string | undefined
  coldStart: GpuPoolStatus["coldStart"]
  lastScale: GpuPoolStatus["lastScale"]
  /** As last written by this operator, or found. */
  status: GpuPoolStatus | undefined
  writtenAt: number
  /** The first look. */
  since: number | undefined
  /** The first look at it as one that is being deleted. */
  retiringSince: number | undefined
}

export const makePoolState = (pool: StoredGpuPool): PoolState => ({
  ...noLanes(),
  memory: undefined,
  listening: { since: undefined, lookedAt: 0 },
  sightings: [],
  started: new Map(),
  asked: new Set(),
  busySince: new Map(),
  restarts: noFailures,
  counted: new Set(),
  revision: "",
  refused: undefined,
  coldStart: pool.status?.coldStart,
  lastScale: pool.status?.lastScale,
  status: pool.status,
  writtenAt: 0,
  since: undefined,
  retiringSince: undefined
})

/** One look at everything. */
export interface Measured {
  readonly depth: ObservedDepth
  readonly pods: ReadonlyArray<PodView>
  readonly sightings: ReadonlyArray<Sighting>
  readonly broken: ReadonlyArray<BrokenPod>
  readonly unseenWrites: number
  /** Long enough has been listened to know who lives. */
  readonly settled: boolean
  readonly now: number
}

export const drainTimeoutMs = (pool: StoredGpuPool): number => durationMs(pool.spec.lifecycle.drainTimeout)
