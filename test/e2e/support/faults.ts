import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { cluster, fromEnvironment, inNode, kubectlJson, namespace, until } from "./cluster.ts"

/** What tests break, and how they look into programs that run in pods. */

/** A container as its node knows it; looked up beforehand, so that a kill comes at the moment that is meant. */
export interface Container {
  readonly pod: string
  readonly node: string
  readonly id: string
}

/** The running container of a pod; every pod of Darkroom's programs has one. */
export const containerOf = async (pod: string): Promise<Container> => {
  const { spec, status } = await kubectlJson("get", "pod", pod)
  const [runtime, id] = String(status.containerStatuses?.[0]?.containerID ?? "").split("://")
  if (runtime !== "containerd" || id === undefined) throw new Error(`pod ${pod} has no container of containerd: ${JSON.stringify(status)}`)
  return { pod, node: spec.nodeName, id }
}

/** SIGKILL, from the node: the program is told nothing, and the API server hears of it from the kubelet only. */
export const kill = async ({ id, node, pod }: Container): Promise<void> => {
  const { code, stderr } = await inNode(node, "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", id)
  if (code !== 0) throw new Error(`pod ${pod} was not killed: ${stderr}`)
}

export const stopPart = async (part: string): Promise<void> => {
  const { code, stderr } = await cluster("stop", part)
  if (code !== 0) throw new Error(`${part} was not stopped: ${stderr}`)
}

export const startPart = async (part: string): Promise<void> => {
  const { code, stderr } = await cluster("start", part)
  if (code !== 0) throw new Error(`${part} was not started: ${stderr}`)
}

const forwardLimitMs = 15_000

/** GET of a port of a pod that only pods may reach: through the kubelet, which network policies do not concern. */
export const getOfPod = async (pod: string, port: number, path: string): Promise<string> => {
  const forward = spawn(fromEnvironment("KUBECTL"), ["--namespace", namespace, "port-forward", `pod/${pod}`, `:${port}`], { stdio: ["ignore", "pipe", "ignore"] })
  const overdue = setTimeout(() => forward.kill(), forwardLimitMs)
  try {
    for await (const line of createInterface(forward.stdout)) {
      const local = /127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (local === undefined) continue
      const response = await fetch(`http://127.0.0.1:${local}${path}`, { signal: AbortSignal.timeout(forwardLimitMs) })
      return await response.text()
    }
    throw new Error(`port ${port} of pod ${pod} could not be reached`)
  } finally {
    clearTimeout(overdue)
    forward.kill()
  }
}

export const podNamesOf = async (app: string): Promise<ReadonlyArray<string>> => {
  const { items } = await kubectlJson("get", "pods", "-l", `app.kubernetes.io/name=${app}`)
  return items.filter(({ metadata }: any) => metadata.deletionTimestamp === undefined).map(({ metadata }: any) => metadata.name)
}

/** Until every replica of a Deployment or StatefulSet is ready again. */
export const untilWhole = (kind: "deployment" | "statefulset", name: string, limitMs: number): Promise<true> =>
  until(`${kind} ${name} whole`, async () => {
    const { metadata, spec, status } = await kubectlJson("get", kind, name)
    return status.observedGeneration === metadata.generation && status.readyReplicas === spec.replicas && status.updatedReplicas === spec.replicas &&
        status.replicas === spec.replicas
      ? true
      : undefined
  }, limitMs)
