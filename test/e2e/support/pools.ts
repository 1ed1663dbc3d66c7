import { apply, kubectl, kubectlJson, sleep, until } from "./cluster.ts"
import type { Gateway } from "./gateway.ts"

/** GpuPools as a person writes them, and what becomes of them. */

export const poolOf = (name: string, spec: object) => ({
  apiVersion: "darkroom.dev/v1alpha1",
  kind: "GpuPool",
  metadata: { name },
  spec
})

/** A pool of CPU agents that goes back to zero soon. */
export const cpuPool = (name: string, spec: object = {}) =>
  poolOf(name, { models: ["starter"], maxReplicas: 2, scaling: { cooldown: "5s" }, placement: { gpu: { count: 0 } }, ...spec })

/** A pool whose model takes, fails and hangs as the prompt tells it (src/gpu-agent/pipelines/noop). */
export const noopPool = (name: string, spec: object = {}) =>
  cpuPool(name, {
    models: ["noop"],
    template: { spec: { containers: [{ name: "agent", image: "darkroom.test/agent-test:e2e" }] } },
    ...spec
  })

export const getPool = (name: string): Promise<any> => kubectlJson("get", "gpool", name)

/** Pods of a pool that are not on their way out. */
export const livePods = async (pool: string): Promise<ReadonlyArray<any>> => {
  const { items } = await kubectlJson("get", "pods", "-l", `darkroom.dev/pool=${pool}`)
  return items.filter(({ metadata, status }: any) => metadata.deletionTimestamp === undefined && status.phase !== "Failed" && status.phase !== "Succeeded")
}

/** Applies the pool and waits until jobs can be sent to it. */
export const createPool = async (gateway: Gateway, pool: ReturnType<typeof poolOf>): Promise<void> => {
  await apply(pool)
  await until(`pool ${pool.metadata.name} taking jobs`, async () => {
    const { status } = await getPool(pool.metadata.name)
    const answer = await gateway.queue(pool.metadata.name)
    return status?.lanesReadyFor?.length > 0 && answer.status === 200 ? true : undefined
  }, 60_000)
  // The other gateway may hear of the pool a moment later.
  await sleep(500)
}

export const deletePool = async (name: string): Promise<void> => {
  await kubectl(["delete", "gpool", name, "--ignore-not-found", "--wait=true", "--timeout=55s"])
}

/** Until the pool's pods number `count`; the pods. */
export const podsUntil = (pool: string, count: number, limitMs: number): Promise<ReadonlyArray<any>> =>
  until(`${count} pods of pool ${pool}`, async () => {
    const pods = await livePods(pool)
    return pods.length === count ? pods : undefined
  }, limitMs)

/** Changes a pool's spec as `kubectl patch` does: objects are merged, lists replaced. */
export const patchPool = (name: string, spec: object): Promise<string> =>
  kubectl(["patch", "gpool", name, "--type=merge", "--patch", JSON.stringify({ spec })])
