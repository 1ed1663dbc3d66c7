import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { kubectlOf } from "../../test/conformance/kubectl.ts"
import { clusterProgram, launch } from "./programs.ts"
import type { Site } from "./site.ts"

/** Nodes without machines: a real kube-scheduler gives pods to them, kwok plays their kubelets. No images, no containers. */

/** The scheduler's own default (50 a second) would be what is measured. */
const scheduler = { qps: 1_000, burst: 2_000 }
const gpuProduct = "NVIDIA-H100-80GB-HBM3"
const stages = fileURLToPath(new URL("kwok-stages.yaml", import.meta.url))

const nodeOf = (name: string, pods: number) => {
  const room = { cpu: "1000", memory: "10Ti", pods: String(pods), "nvidia.com/gpu": String(pods) }
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, "nvidia.com/gpu.product": gpuProduct } },
    status: { capacity: room, allocatable: room }
  }
}

export const startNodes = Effect.fnUntraced(function*({ api, env, folder }: Site, count: number, podsEach: number) {
  const kubectl = kubectlOf(api)
  const run = (args: ReadonlyArray<string>, input?: string) =>
    Effect.sync(() => {
      const { code, stderr } = kubectl(args, input)
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`)
    })
  const items = Array.from({ length: count }, (_, index) => nodeOf(`fake-${index}`, podsEach))
  yield* run(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }))
  // The controller that would take it away does not run.
  yield* run(["taint", "nodes", "--all", "node.kubernetes.io/not-ready:NoSchedule-"])
  const config = join(folder, "scheduler.json")
  writeFileSync(config, JSON.stringify({
    apiVersion: "kubescheduler.config.k8s.io/v1",
    kind: "KubeSchedulerConfiguration",
    leaderElection: { leaderElect: false },
    clientConnection: { kubeconfig: env["KUBECONFIG"], ...scheduler }
  }))
  const kwokConfig = join(folder, "kwok.yaml")
  writeFileSync(kwokConfig, readFileSync(stages))
  return {
    scheduler: yield* launch({ name: "kube-scheduler", command: clusterProgram("kube-scheduler"), args: [`--config=${config}`, "--secure-port=0"], folder }),
    kwok: yield* launch({
      name: "kwok",
      command: clusterProgram("kwok"),
      args: [`--kubeconfig=${env["KUBECONFIG"]}`, `--config=${kwokConfig}`, "--manage-all-nodes=true", "--node-lease-duration-seconds=0"],
      folder
    })
  }
})
