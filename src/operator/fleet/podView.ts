import type { Pod } from "../../platform/kubernetes/resources.ts"
import { agentContainer, busyLabel, revisionLabel, slotLabel } from "./podNames.ts"

/** What the operator wants to know of one pod, read out of what Kubernetes says of it. Pure. */

export interface PodView {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly slot: number
  readonly revision: string
  readonly createdAt: number
  /** When the scheduler gave it a node. */
  readonly scheduledAt: number | undefined
  /** When the kubelet had made its sandbox: network and volumes. Older clusters do not tell. */
  readonly sandboxAt: number | undefined
  /** No node takes it now, or a scheduling gate (Kueue) holds it: waiting is all that helps, another pod would wait too. */
  readonly held: { readonly reason: "Unschedulable" | "SchedulingGated"; readonly message: string } | undefined
  /** Since when the agent's container runs this time; `undefined` while it does not. */
  readonly runningSince: number | undefined
  /** Since when the kubelet finds the agent ready. */
  readonly readySince: number | undefined
  /** When the agent's container ended last. */
  readonly stoppedAt: number | undefined
  readonly restarts: number
  /** Why the container does not run: `ImagePullBackOff`, `CrashLoopBackOff`, … with how it ended last. */
  readonly waiting: { readonly reason: string; readonly message: string } | undefined
  readonly terminating: boolean
  /** Its grace is over and it is still there: its node does not answer. */
  readonly overdueAt: number | undefined
  /** It ended for good. `disrupted`: by the cluster (eviction, preemption, node shutdown), not by itself. */
  readonly ended: { readonly why: string; readonly disrupted: boolean } | undefined
  readonly busyLabelled: boolean
}

type PodStatus = NonNullable<Pod["status"]>
type Condition = NonNullable<PodStatus["conditions"]>[number]
type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number]

const timeOf = (text: string | undefined): number | undefined => {
  const time = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}

const conditionOf = (pod: Pod, type: string): Condition | undefined =>
  pod.status?.conditions?.find((condition) => condition.type === type)

const agentOf = (pod: Pod): ContainerStatus | undefined =>
  pod.status?.containerStatuses?.find((container) => container.name === agentContainer)

const sentence = (...parts: ReadonlyArray<string | undefined>): string =>
  parts.filter((part) => part !== undefined && part !== "").join(": ")

const heldOf = (pod: Pod): PodView["held"] => {
  const scheduled = conditionOf(pod, "PodScheduled")
  if (scheduled?.status === "True" || pod.spec.nodeName !== undefined) return undefined
  if (scheduled?.reason === "SchedulingGated" || (pod.spec.schedulingGates ?? []).length > 0) {
    return { reason: "SchedulingGated", message: scheduled?.message ?? "a scheduling gate holds the pod" }
  }
  return scheduled?.reason === "Unschedulable"
    ? { reason: "Unschedulable", message: scheduled.message ?? "no node takes the pod" }
    : undefined
}

const lastExitOf = (container: ContainerStatus): string | undefined => {
  const exit = container.lastState?.terminated ?? container.state?.terminated
  return exit === undefined ? undefined : sentence(`exit code ${exit.exitCode}`, exit.reason, exit.message?.trim())
}

const waitingOf = (container: ContainerStatus | undefined): PodView["waiting"] => {
  const waiting = container?.state?.waiting
  if (container === undefined || waiting?.reason === undefined) return undefined
  return { reason: waiting.reason, message: lastExitOf(container) ?? waiting.message ?? "" }
}

/** Of the pod's own `status.reason`: the cluster took it away, whatever ran in it. */
const disruptions = new Set(["Evicted", "Preempting", "Preempted", "NodeShutdown", "Terminated", "NodeLost", "NodeAffinity"])

const endedOf = (pod: Pod): PodView["ended"] => {
  const phase = pod.status?.phase
  if (phase !== "Failed" && phase !== "Succeeded") return undefined
  const disrupted = disruptions.has(pod.status?.reason ?? "") || conditionOf(pod, "DisruptionTarget")?.status === "True"
  const container = agentOf(pod)
  const why = sentence(pod.status?.reason, pod.status?.message, container === undefined ? undefined : lastExitOf(container))
  return { why: why === "" ? `the pod is ${phase}` : why, disrupted }
}

export const viewOf = (pod: Pod): PodView => {
  const { labels = {}, name, resourceVersion, uid } = pod.metadata
  const scheduled = conditionOf(pod, "PodScheduled")
  const ready = conditionOf(pod, "Ready")
  const sandbox = conditionOf(pod, "PodReadyToStartContainers")
  const container = agentOf(pod)
  const running = container?.state?.running
  return {
    name,
    uid,
    resourceVersion,
    slot: Number.parseInt(labels[slotLabel] ?? "-1", 10),
    revision: labels[revisionLabel] ?? "",
    createdAt: timeOf(pod.metadata.creationTimestamp) ?? 0,
    scheduledAt: scheduled?.status === "True" ? timeOf(scheduled.lastTransitionTime) : undefined,
    sandboxAt: sandbox?.status === "True" ? timeOf(sandbox.lastTransitionTime) : undefined,
    held: heldOf(pod),
    runningSince: running === undefined ? undefined : timeOf(running.startedAt) ?? 0,
    readySince: ready?.status === "True" ? timeOf(ready.lastTransitionTime) : undefined,
    stoppedAt: timeOf((container?.state?.terminated ?? container?.lastState?.terminated)?.finishedAt),
    restarts: container?.restartCount ?? 0,
    waiting: waitingOf(container),
    terminating: pod.metadata.deletionTimestamp !== undefined,
    overdueAt: timeOf(pod.metadata.deletionTimestamp),
    ended: endedOf(pod),
    busyLabelled: labels[busyLabel] === "true"
  }
}
