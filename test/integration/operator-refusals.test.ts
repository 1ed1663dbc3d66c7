import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { GpuPoolStatus } from "../../src/contract/GpuPool.ts"
import type { ApiRequest } from "../../src/platform/kubernetes/KubeTransport.ts"
import { laneServices } from "./laneServices.ts"
import { live } from "./logServices.ts"
import { kubeOf, memoryApiServer, patiently, startOperator } from "./operatorRig.ts"

/** What the operator makes of an API server that says no. */

const pool = { models: ["noop"], maxReplicas: 3, placement: { gpu: { count: 0 } }, scaling: { cooldown: "1s" } }

const createsPod = ({ method, path }: ApiRequest) => method === "POST" && /\/pods(\?|$)/.test(path)

const answer = (status: number, reason: string, message: string) =>
  ({ status, body: JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", reason, message, code: status }) })

const degraded = (status: GpuPoolStatus | undefined) => status?.conditions.find(({ type }) => type === "Degraded")

layer(laneServices, live)("operator and refusals", (it) => {
  it.effect("a pod that the quota refuses is told of, until nobody wants it any more", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      server.faults.request = (request) =>
        createsPod(request) ? { answer: answer(403, "Forbidden", "exceeded quota: gpus") } : undefined
      yield* startOperator(server)
      yield* kube.apply("quota", { ...pool, replicas: 1 })
      yield* patiently("PodRefused", Effect.map(kube.status("quota"), (status) => degraded(status)?.reason === "PodRefused"))
      assert.include(degraded(yield* kube.status("quota"))?.message, "exceeded quota: gpus")
      yield* kube.apply("quota", { ...pool, replicas: 0 })
      yield* patiently("all is well", Effect.map(kube.status("quota"), (status) =>
        status?.state === "SCALED_TO_ZERO" && degraded(status)?.status === "False"))
    }), 120_000)

  it.effect("a write that is throttled is left alone for as long as the API server asks", () =>
    Effect.gen(function*() {
      const server = memoryApiServer()
      const kube = kubeOf(server)
      const triedAt: Array<number> = []
      server.faults.request = (request) => {
        if (!createsPod(request)) return undefined
        triedAt.push(performance.now())
        return triedAt.length > 1 ? undefined : { answer: { ...answer(429, "TooManyRequests", "slow down"), retryAfter: "2" } }
      }
      yield* startOperator(server)
      yield* kube.apply("throttled", { ...pool, replicas: 1 })
      yield* patiently("a pod", Effect.map(kube.podsOf("throttled"), (found) => found.length === 1))
      assert.lengthOf(triedAt, 2)
      // A timer may fire a moment early.
      assert.isAtLeast(triedAt[1]! - triedAt[0]!, 1_990)
    }), 120_000)
})
