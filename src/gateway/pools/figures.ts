import type { QueueResponse } from "../../contract/EditApi.ts"
import type { Counts } from "../projection/Store.ts"
import type { PoolView } from "./PoolRegistry.ts"

/** The figures of `/api/queue`. Pure. */

const memoryGiB: Readonly<Record<string, number>> = {
  H200: 141, H100: 80, A100: 80, L40S: 48, L40: 48, A40: 48, L4: 24, A10G: 24, A10: 24, T4: 16, V100: 16, B200: 192
}

/** As hosted GPU platforms write it: `H100 - 1 H100 GPU, 80 GiB VRAM`. */
export const instanceType = ({ count, product }: { readonly count: number; readonly product: string }): string => {
  if (count === 0) return "CPU - no GPU"
  const memory = memoryGiB[product]
  const name = count === 1 ? product : `${product}x${count}`
  return `${name} - ${count} ${product} GPU${count === 1 ? "" : "s"}${memory === undefined ? "" : `, ${count * memory} GiB VRAM`}`
}

/** A fleet that says nothing is unhealthy: nobody would start the next agent. */
export const gpuFigures = ({ spec, status }: PoolView): QueueResponse["gpu"] => ({
  status: status?.state ?? "UNHEALTHY",
  active_replicas: status?.readyReplicas ?? 0,
  min_replicas: spec.replicas,
  max_replicas: spec.maxReplicas,
  instance_type: instanceType(spec.placement.gpu)
})

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))

export const queueFigures = (
  counts: Counts,
  completedSeconds: ReadonlyArray<number>,
  activeReplicas: number
): Omit<QueueResponse, "gpu"> => {
  const averageS = completedSeconds.length === 0
    ? 0
    : completedSeconds.reduce((sum, seconds) => sum + seconds, 0) / completedSeconds.length
  return {
    ...counts,
    avg_time_s: rounded(averageS, 3),
    throughput_per_min: averageS === 0 ? 0 : rounded((60 / averageS) * activeReplicas, 2),
    total_jobs: Object.values(counts).reduce((sum, n) => sum + n, 0)
  }
}
