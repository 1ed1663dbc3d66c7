import { kubectlJson } from "./cluster.ts"
import { getOfPod, podNamesOf } from "./faults.ts"

/** The two operators: who holds the Lease, and what each says of itself. */

const metricsPort = 9464

export interface Leader {
  /** Of the process: its pod's name and a random end. */
  readonly identity: string
  readonly pod: string
}

export const leaseHolder = async (): Promise<Leader> => {
  const { spec } = await kubectlJson("get", "lease", "darkroom-operator")
  const identity: string = spec.holderIdentity ?? ""
  return { identity, pod: identity.split("_")[0] ?? "" }
}

export interface OperatorFigures {
  readonly pod: string
  readonly leads: boolean
  /** Since the process started. */
  readonly reconciles: number
  readonly podsCreated: number
  /** Pods created because the broker told of a job, not because it was time to look. */
  readonly podsByWake: number
}

const figuresOf = async (pod: string): Promise<OperatorFigures> => {
  const metrics = await getOfPod(pod, metricsPort, "/metrics")
  const sumOf = (name: string) => [...metrics.matchAll(new RegExp(`^darkroom_operator_${name}(?:\\{[^}]*\\})? (\\d+)$`, "gm"))].reduce((sum, [, value]) => sum + Number(value), 0)
  return {
    pod,
    leads: sumOf("leading") === 1,
    reconciles: sumOf("reconciles_total"),
    podsCreated: sumOf("pods_created_total"),
    podsByWake: sumOf("wake_to_pod_seconds_count")
  }
}

export const operatorFigures = async (): Promise<ReadonlyArray<OperatorFigures>> =>
  Promise.all((await podNamesOf("darkroom-operator")).map(figuresOf))
