import type { GpuPoolStatus } from "../../contract/GpuPool.ts"
import type { Sighting } from "../fleet/observe.ts"

/** `status.models`: which models the agents of a pool have in memory, and how far those are that they load. Pure. */

type PoolModels = NonNullable<GpuPoolStatus["models"]>
type PoolModel = PoolModels[number]

const modelOf = (name: string, replicas: ReadonlyArray<Sighting>): PoolModel => {
  const loading = replicas.flatMap(({ models }) => (models.models_loading ?? []).filter(({ model }) => model === name))
  const [loaded, total] = loading.reduce(([loaded, total], { bytes, bytes_loaded }) => [loaded + bytes_loaded, total + bytes], [0, 0])
  return {
    name,
    loadedReplicas: replicas.filter(({ models }) => models.models_loaded.includes(name)).length,
    loadingReplicas: loading.length,
    ...(loading.length === 0 ? {} : { loadedPercent: total === 0 ? 0 : Math.floor((100 * loaded) / total) })
  }
}

/**
 * By name. An operator that has just begun has not heard every agent that is ready: until then what was told before stands.
 */
export const poolModels = (live: ReadonlyArray<Sighting>, before: PoolModels | undefined): PoolModels => {
  if (before !== undefined && live.some(({ heardAt, readyAt }) => readyAt !== undefined && heardAt === undefined)) return before
  const names = new Set(live.flatMap(({ models }) => [...models.models_loaded, ...(models.models_loading ?? []).map(({ model }) => model)]))
  return [...names].sort().map((name) => modelOf(name, live))
}
