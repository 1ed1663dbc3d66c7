import { assert, describe, it } from "@effect/vitest"
import type { GpuPool } from "../../contract/GpuPool.ts"
import { planScale } from "./resources.ts"

describe("planScale", () => {
  const pool = (maxReplicas: number) => ({ spec: { maxReplicas } as GpuPool["spec"] })
  it.each([
    { replicas: 0, maxReplicas: 4, ceiling: 8, planned: { replicas: 0, maxReplicas: 4 } },
    { replicas: 4, maxReplicas: 4, ceiling: 8, planned: { replicas: 4, maxReplicas: 4 } },
    { replicas: 6, maxReplicas: 4, ceiling: 8, planned: { replicas: 6, maxReplicas: 6 } },
    { replicas: 9, maxReplicas: 4, ceiling: 8, planned: undefined },
    { replicas: 10, maxReplicas: 12, ceiling: 8, planned: { replicas: 10, maxReplicas: 12 } }
  ])("$replicas of $maxReplicas with a ceiling of $ceiling", ({ ceiling, maxReplicas, planned, replicas }) =>
    assert.deepStrictEqual(planScale(pool(maxReplicas), replicas, ceiling), planned))
})
