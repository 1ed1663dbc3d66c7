import { Context, Layer } from "effect"
import type { GpuPoolStatus } from "../../contract/GpuPool.ts"
import { makeRegistry } from "../../platform/telemetry/prometheus.ts"
import type { Reconciled } from "../controller/Controller.ts"

const reconcileBoundsS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const coldStartBoundsS = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200]

/** What the operator counts; `render` is what `/metrics` answers. */
export class OperatorMetrics extends Context.Service<OperatorMetrics, {
  readonly reconciled: (run: Reconciled) => void
  /** A job of the pool can be pulled; until a pod is created for it, this moment stands. */
  readonly woken: (pool: string, now: number) => void
  readonly created: (pool: string, now: number) => void
  readonly removed: (pool: string, why: "idle" | "failed") => void
  readonly coldStart: (pool: string, steps: NonNullable<GpuPoolStatus["coldStart"]>) => void
  readonly status: (pool: string, status: GpuPoolStatus) => void
  /** The pool is gone, and every figure of it with it. */
  readonly forget: (pool: string) => void
  /** Who does not lead knows nothing of pools: what it said of them in its last term is forgotten. */
  readonly leading: (isLeading: boolean) => void
  readonly isLeading: () => boolean
  readonly queue: (waiting: number) => void
  readonly reflector: (kind: string, missed: number) => void
  readonly render: () => string
}>()("darkroom/operator/OperatorMetrics") {
  static readonly layer = Layer.sync(OperatorMetrics, () => OperatorMetrics.of(make()))
}

const make = () => {
  const registry = makeRegistry()
  const reconciles = registry.counter("darkroom_operator_reconciles_total", "Reconciles by outcome.")
  const seconds = registry.histogram("darkroom_operator_reconcile_seconds", "Time of one reconcile.", reconcileBoundsS)
  const created = registry.counter("darkroom_operator_pods_created_total", "Pods created, by pool.")
  const removed = registry.counter("darkroom_operator_pods_removed_total", "Pods deleted, by pool and reason.")
  const decision = registry.histogram("darkroom_operator_wake_to_pod_seconds", "From the wake-up by a job to the pod created for it.", reconcileBoundsS)
  const cold = registry.histogram("darkroom_operator_cold_start_seconds", "From a pod's creation to each step of its start (scheduled, started, ready), and what the image and the model took of it.", coldStartBoundsS)
  const pods = registry.gauge("darkroom_operator_pods", "Pods by pool and state.")
  const desired = registry.gauge("darkroom_operator_desired_replicas", "Replicas wanted, by pool.")
  const depth = registry.gauge("darkroom_operator_queue_depth", "Jobs waiting or running, by pool; absent while nobody knows.")
  const condition = registry.gauge("darkroom_operator_pool_condition", "1 for each condition of a pool that is True.")
  const leading = registry.gauge("darkroom_operator_leading", "1 while this operator holds the lease.")
  const waiting = registry.gauge("darkroom_operator_workqueue_waiting", "Pools that wait to be reconciled.")
  const missed = registry.gauge("darkroom_operator_watch_missed", "Changes that a relist found and the watch had not told, by kind.")
  const ofPools = [pods, desired, depth, condition]
  const wokenAt = new Map<string, number>()
  let leads = false
  leading.set({}, 0)

  const status = (pool: string, now: GpuPoolStatus) => {
    const counts = {
      ready: now.readyReplicas,
      busy: now.busyReplicas,
      unschedulable: now.unschedulableReplicas ?? 0,
      terminating: now.terminatingReplicas ?? 0,
      failed: now.failedReplicas ?? 0,
      live: now.replicas
    }
    for (const [state, value] of Object.entries(counts)) pods.set({ pool, state }, value)
    desired.set({ pool }, now.desiredReplicas)
    if (now.queue.readable) depth.set({ pool }, now.queue.depth)
    else depth.forget({ pool })
    for (const { status: value, type } of now.conditions) condition.set({ pool, type }, value === "True" ? 1 : 0)
  }

  return {
    reconciled: ({ key, outcome, seconds: took, startedAt }: Reconciled) => {
      // Whoever is there took the job: no pod was needed. A job that came after the look began is the next one's.
      if (outcome === "succeeded" && (wokenAt.get(key) ?? Number.POSITIVE_INFINITY) <= startedAt) wokenAt.delete(key)
      reconciles.add({ outcome })
      seconds.observe({}, took)
    },
    woken: (pool: string, now: number) => {
      if (!wokenAt.has(pool)) wokenAt.set(pool, now)
    },
    created: (pool: string, now: number) => {
      created.add({ pool })
      const since = wokenAt.get(pool)
      wokenAt.delete(pool)
      if (since !== undefined) decision.observe({}, (now - since) / 1_000)
    },
    removed: (pool: string, reason: "idle" | "failed") => removed.add({ pool, reason }),
    coldStart: (pool: string, steps: NonNullable<GpuPoolStatus["coldStart"]>) => {
      const { imageMs, modelMs, readyMs, scheduledMs, startedMs } = steps
      const known = { scheduled: scheduledMs, started: startedMs, ready: readyMs, image: imageMs, model: modelMs }
      for (const [step, ms] of Object.entries(known)) if (ms !== undefined) cold.observe({ pool, step }, ms / 1_000)
    },
    status,
    forget: (pool: string) => {
      wokenAt.delete(pool)
      for (const figure of [...ofPools, created, removed, cold]) figure.forget({ pool })
    },
    leading: (isLeading: boolean) => {
      leads = isLeading
      leading.set({}, isLeading ? 1 : 0)
      if (isLeading) return
      wokenAt.clear()
      for (const gauge of [...ofPools, waiting]) gauge.forget({})
    },
    isLeading: () => leads,
    queue: (count: number) => waiting.set({}, count),
    reflector: (kind: string, count: number) => missed.set({ kind }, count),
    render: registry.render
  }
}
