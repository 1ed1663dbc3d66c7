import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { vi } from "vitest"
import { PoolObjects } from "../../src/operator/reconcile/PoolObjects.ts"
import type { ApiRequest } from "../../src/platform/kubernetes/KubeTransport.ts"
import { type Invariant, invariants } from "./invariants.ts"
import { LifeFailed, type LifeOptions, simulate } from "./simulate.ts"

/**
 * A check that nothing can fail proves nothing: here an operator is built wrong in one place, once for each invariant, and
 * the simulation must name exactly that invariant; the same life of an operator that is built right must be well.
 */

/** What stands for a function of the operator; `real` is the function itself. */
type Wrong<F extends (...parameters: any) => unknown> = (real: F, ...parameters: Parameters<F>) => ReturnType<F>

type Decide = typeof import("../../src/operator/scaling/decide.ts").decide
type PlanPods = typeof import("../../src/operator/reconcile/podPlan.ts").planPods
type ViewOf = typeof import("../../src/operator/fleet/podView.ts").viewOf
type PodName = typeof import("../../src/operator/fleet/podNames.ts").podName
type PodStatusOf = typeof import("../../src/operator/reconcile/podStatus.ts").podStatusOf
type IsSameStatus = typeof import("../../src/operator/reconcile/podStatus.ts").isSameStatus
type MeasurePool = typeof import("../../src/operator/reconcile/measurePool.ts").measurePool
type EnsureLanes = typeof import("../../src/operator/reconcile/poolLanes.ts").ensureLanes
type RetirePool = typeof import("../../src/operator/reconcile/retirePool.ts").retirePool

interface Plant {
  readonly decide?: Wrong<Decide>
  readonly planPods?: Wrong<PlanPods>
  readonly viewOf?: Wrong<ViewOf>
  readonly podName?: Wrong<PodName>
  readonly podStatusOf?: Wrong<PodStatusOf>
  readonly isSameStatus?: Wrong<IsSameStatus>
  readonly measurePool?: Wrong<MeasurePool>
  readonly ensureLanes?: Wrong<EnsureLanes>
  readonly retirePool?: Wrong<RetirePool>
  /** The cache keeps what a list no longer has. */
  readonly keepsGone?: boolean
  readonly tamper?: (request: ApiRequest) => ApiRequest
}

const planted = vi.hoisted((): { plant: Plant } => ({ plant: {} }))

const wrongly = vi.hoisted(() => <F extends (...parameters: any) => any>(name: keyof Plant, real: F): F =>
  ((...parameters: Parameters<F>) => {
    const wrong = planted.plant[name] as Wrong<F> | undefined
    return wrong === undefined ? real(...(parameters as ReadonlyArray<unknown>)) : wrong(real, ...parameters)
  }) as F)

vi.mock("../../src/operator/scaling/decide.ts", async (original) => {
  const real = await original<typeof import("../../src/operator/scaling/decide.ts")>()
  return { ...real, decide: wrongly("decide", real.decide) }
})
vi.mock("../../src/operator/reconcile/podPlan.ts", async (original) => {
  const real = await original<typeof import("../../src/operator/reconcile/podPlan.ts")>()
  return { ...real, planPods: wrongly("planPods", real.planPods) }
})
vi.mock("../../src/operator/fleet/podView.ts", async (original) => {
  const real = await original<typeof import("../../src/operator/fleet/podView.ts")>()
  return { ...real, viewOf: wrongly("viewOf", real.viewOf) }
})
vi.mock("../../src/operator/fleet/podNames.ts", async (original) => {
  const real = await original<typeof import("../../src/operator/fleet/podNames.ts")>()
  return { ...real, podName: wrongly("podName", real.podName) }
})
vi.mock("../../src/operator/reconcile/podStatus.ts", async (original) => {
  const real = await original<typeof import("../../src/operator/reconcile/podStatus.ts")>()
  return { ...real, podStatusOf: wrongly("podStatusOf", real.podStatusOf), isSameStatus: wrongly("isSameStatus", real.isSameStatus) }
})
vi.mock("../../src/operator/reconcile/measurePool.ts", async (original) => {
  const real = await original<typeof import("../../src/operator/reconcile/measurePool.ts")>()
  return { ...real, measurePool: wrongly("measurePool", real.measurePool) }
})
vi.mock("../../src/operator/reconcile/poolLanes.ts", async (original) => {
  const real = await original<typeof import("../../src/operator/reconcile/poolLanes.ts")>()
  return { ...real, ensureLanes: wrongly("ensureLanes", real.ensureLanes) }
})
vi.mock("../../src/operator/reconcile/retirePool.ts", async (original) => {
  const real = await original<typeof import("../../src/operator/reconcile/retirePool.ts")>()
  return { ...real, retirePool: wrongly("retirePool", real.retirePool) }
})
vi.mock("../../src/platform/kubernetes/objectCache.ts", async (original) => {
  const real = await original<typeof import("../../src/platform/kubernetes/objectCache.ts")>()
  class ObjectCache extends real.ObjectCache<any> {
    override replace(list: Parameters<InstanceType<typeof real.ObjectCache<any>>["replace"]>[0]) {
      if (planted.plant.keepsGone !== true) return super.replace(list)
      const names = new Set(list.items.map(({ metadata }) => metadata.name))
      return super.replace({ ...list, items: [...list.items, ...[...this.objects.values()].filter(({ metadata }) => !names.has(metadata.name))] })
    }
  }
  return { ...real, ObjectCache }
})

interface Row {
  readonly what: string
  readonly plant: Plant
  readonly life: LifeOptions
}

let names = 0

const rows: Record<Invariant, Row> = {
  I1: {
    what: "the maximum is not looked at",
    plant: { decide: (real, spec, ...rest) => real({ ...spec, maxReplicas: spec.maxReplicas + 5 }, ...rest) },
    life: { troubles: [] }
  },
  I2: {
    what: "creations that are under way are forgotten, and the next has another name",
    plant: {
      podName: (real, pool, slot, before) => real(pool, slot, `${before}${names++}`),
      measurePool: (real, ...parameters) => Effect.map(real(...parameters), (measured) => ({ ...measured, unseenWrites: 0 }))
    },
    life: { troubles: ["events"], faultChance: 0.5 }
  },
  I3: {
    what: "no agent is asked whether it is busy",
    plant: {
      decide: (real, spec, observed, ...rest) =>
        real(spec, { ...observed, replicas: observed.replicas.map((one) => ({ ...one, busy: false, phase: one.phase === "busy" ? "idle" : one.phase })) }, ...rest),
      planPods: (real, input) => {
        const plan = real(input)
        return { ...plan, ask: [], remove: [...plan.remove, ...plan.ask.map((one) => ({ ...one, failed: false }))] }
      }
    },
    life: { troubles: [] }
  },
  I4: {
    what: "a queue that cannot be read is taken for an empty one",
    plant: {
      measurePool: (real, ...parameters) =>
        Effect.map(real(...parameters), (measured) =>
          measured.depth._tag === "Readable" ? measured : { ...measured, depth: { _tag: "Readable", depth: 0 } as const, settled: true })
    },
    life: { troubles: ["broker"] }
  },
  I5: {
    what: "a pool without pods stays so",
    plant: {
      decide: (real, spec, observed, ...rest) => {
        const decision = real(spec, observed, ...rest)
        return spec.replicas === 0 && observed.replicas.length === 0 ? { ...decision, create: 0 } : decision
      }
    },
    life: { troubles: [] }
  },
  I6: {
    what: "the last pod stays",
    plant: {
      decide: (real, spec, observed, ...rest) => {
        const decision = real(spec, observed, ...rest)
        return observed.replicas.length === 1 ? { ...decision, remove: [] } : decision
      }
    },
    life: { troubles: [] }
  },
  I7: {
    what: "the wait for a node counts as time to get ready",
    plant: {
      viewOf: (real, pod) => {
        const view = real(pod)
        return view.held === undefined ? view : { ...view, held: undefined, scheduledAt: view.createdAt }
      }
    },
    life: { troubles: ["nodes"] }
  },
  I8: {
    what: "lanes are made only together with the finalizer",
    plant: {
      ensureLanes: (real, state, pool) => ((pool.metadata.finalizers ?? []).length === 0 ? real(state, pool) : Effect.void)
    },
    life: { troubles: [], crashAfterWrite: 1 }
  },
  I9: {
    what: "pods are deleted whatever they are now",
    plant: {
      tamper: (request) => {
        if (request.method !== "DELETE" || request.body === undefined) return request
        const { preconditions: _, ...options } = JSON.parse(request.body) as Record<string, unknown>
        return { ...request, body: JSON.stringify(options) }
      }
    },
    life: { troubles: ["events", "nodes", "spec"], faultChance: 0.5 }
  },
  I10: {
    what: "a list takes nothing out of the copy of a cluster",
    plant: { keepsGone: true },
    life: { troubles: ["events"] }
  },
  I11: {
    what: "each operator gives its pods names of its own",
    plant: { podName: (real, pool, slot, before) => real(pool, slot, `${before}${names++}`) },
    life: { troubles: ["leaders"] }
  },
  I12: {
    what: "a pause is overlooked",
    plant: { decide: (real, spec, ...rest) => real({ ...spec, paused: "" }, ...rest) },
    life: { troubles: ["spec"] }
  },
  I13: {
    what: "a pool that is deleted is let go at once",
    plant: {
      retirePool: (_, __, pool) =>
        PoolObjects.use((objects) => Effect.as(objects.removeFinalizer(pool), true)) as unknown as ReturnType<RetirePool>
    },
    life: { troubles: [] }
  },
  I14: {
    what: "what was seen is said to be acted on",
    plant: { podStatusOf: (real, facts, ...rest) => real({ ...facts, acted: true }, ...rest) },
    life: { troubles: ["requests"], faultChance: 0.3 }
  },
  I15: {
    what: "every status is written, also one that says the same",
    plant: { isSameStatus: () => false },
    life: { troubles: [] }
  }
}

/** Lives tried until one meets the fault. */
const seedsMax = 12

const failureOf = Effect.fnUntraced(function*(seed: number, life: LifeOptions) {
  const exit = yield* Effect.exit(Effect.scoped(simulate(seed, life)))
  return Exit.isSuccess(exit) ? undefined : Cause.squash(exit.cause)
})

const invariantOf = (failure: unknown): Invariant => {
  if (failure instanceof LifeFailed && failure.invariant !== undefined) return failure.invariant
  throw failure
}

/** The first seed whose life goes wrong, and in what. */
const firstRed = Effect.fnUntraced(function*({ life, plant }: Row) {
  planted.plant = plant
  for (let seed = 1; seed <= seedsMax; seed++) {
    const failure = yield* failureOf(seed, plant.tamper === undefined ? life : { ...life, tamper: plant.tamper })
    if (failure !== undefined) return { seed, invariant: invariantOf(failure), message: String(failure) }
  }
  return undefined
}, Effect.ensuring(Effect.sync(() => void (planted.plant = {}))))

describe("operator, built wrong", () => {
  for (const [invariant, row] of Object.entries(rows) as ReadonlyArray<[Invariant, Row]>) {
    it.effect(`${invariant} (${invariants[invariant]}): ${row.what}`, () =>
      Effect.gen(function*() {
        const red = yield* firstRed(row)
        assert.strictEqual(red?.invariant, invariant, red?.message ?? `no life of ${seedsMax} met the fault`)
        const failure = yield* failureOf(red?.seed ?? 0, row.life)
        assert.isUndefined(failure)
      }), 240_000)
  }
})
