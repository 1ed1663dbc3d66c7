import type { GpuPoolSpec } from "../../contract/GpuPool.ts"
import { poolLabel } from "../fleet/podNames.ts"
import { asList, asObject, type Json, type JsonObject, namedOver } from "./overlay.ts"

/** Where a pool's pods may run and what of a node they take. Pure. */

type Placement = GpuPoolSpec["placement"]

const gpuResource = "nvidia.com/gpu"
const productLabel = "nvidia.com/gpu.product"
const claimName = "gpu"

/**
 * Values of the node label `nvidia.com/gpu.product` as NVIDIA's GPU feature discovery writes them. Node affinity has no
 * "contains", and the choice must stand in the pod itself: an autoscaler reads it there to make a node that does not
 * exist yet. So a product's name is spelled out as every value that it is known under; any other name is a value itself.
 */
const productValues: Readonly<Record<string, ReadonlyArray<string>>> = {
  H200: ["NVIDIA-H200", "NVIDIA-H200-NVL"],
  H100: ["NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe", "NVIDIA-H100-NVL", "NVIDIA-H100-SXM5-80GB", "NVIDIA-H100-64GB-HBM2", "NVIDIA-H100-96GB-HBM3"],
  A100: [
    "NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-80GB-PCIe", "NVIDIA-A100-PCIE-80GB",
    "NVIDIA-A100-PCIE-40GB"
  ],
  L40S: ["NVIDIA-L40S"],
  L4: ["NVIDIA-L4"],
  A10: ["NVIDIA-A10", "NVIDIA-A10G"],
  T4: ["Tesla-T4", "NVIDIA-T4"],
  B200: ["NVIDIA-B200"]
}

export const productsOf = (product: string): ReadonlyArray<string> => [product, ...(productValues[product] ?? [])]

/** A claim says itself which devices will do. */
const usesClaim = (placement: Placement): boolean => placement.resourceClaimTemplateName !== undefined

/** Every alternative that the template allows must also be on the right GPU. */
export const affinityOf = (placement: Placement, template: JsonObject): JsonObject => {
  const { count, product } = placement.gpu
  if (count === 0 || product === "" || usesClaim(placement)) return template
  const node = asObject(template["nodeAffinity"])
  const required = asObject(node["requiredDuringSchedulingIgnoredDuringExecution"])
  const terms = asList(required["nodeSelectorTerms"]).map(asObject)
  const rightGpu = { key: productLabel, operator: "In", values: productsOf(product) }
  const nodeSelectorTerms = (terms.length === 0 ? [{}] : terms).map((term: JsonObject) => ({
    ...term,
    matchExpressions: [...asList(term["matchExpressions"]), rightGpu]
  }))
  return { ...template, nodeAffinity: { ...node, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } }
}

/** GPU nodes are commonly tainted so that only those who need a GPU go there. */
export const gpuTolerations = (placement: Placement): ReadonlyArray<JsonObject> =>
  placement.gpu.count === 0 ? [] : [{ key: gpuResource, operator: "Exists", effect: "NoSchedule" }]

/** Enough for the agent itself and the small models; a pool with large ones says so in its template. */
const requestsByDefault: JsonObject = { cpu: "500m", memory: "1Gi" }

/**
 * Agents end an engine that comes near the container's limit (job-log rule 23). Without one the node's memory is the
 * limit, which the node reaches first, and then ends whatever it likes. With GPUs: a model passes through the host's memory.
 */
const memoryLimitByDefault = { cpu: "4Gi", gpu: "16Gi" }

/** Whoever says how much a pod needs means that much. */
const limitsOf = ({ gpu: { count } }: Placement, template: JsonObject): JsonObject => {
  const memory = asObject(template["requests"])["memory"] ?? memoryLimitByDefault[count === 0 ? "cpu" : "gpu"]
  return { memory, ...asObject(template["limits"]) }
}

export const resourcesOf = (placement: Placement, template: JsonObject): JsonObject => {
  const limited = asObject(template["limits"])
  const limits = limitsOf(placement, template)
  // Where a limit is given and no request, Kubernetes takes the limit: a default above it would be refused.
  const unlimited = Object.fromEntries(Object.entries(requestsByDefault).filter(([name]) => !(name in limited)))
  const requests = { ...unlimited, ...asObject(template["requests"]) }
  if (usesClaim(placement)) {
    return { ...template, requests, limits, claims: namedOver([{ name: claimName }], asList(template["claims"])) }
  }
  if (placement.gpu.count === 0) return { ...template, requests, limits }
  // An extended resource cannot be overcommitted: its request is its limit.
  return { ...template, requests, limits: { ...limits, [gpuResource]: String(placement.gpu.count) } }
}

/** The fields of a PodSpec that say where it may run, apart from affinity and tolerations. */
export const schedulingOf = (pool: string, placement: Placement, template: JsonObject): JsonObject => {
  const nodeSelector = { ...asObject(template["nodeSelector"]), ...placement.nodeSelector }
  const spread: ReadonlyArray<Json> = placement.topologyKey === undefined ? [] : [{
    maxSkew: 1,
    topologyKey: placement.topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: { [poolLabel]: pool } }
  }]
  const claims = placement.resourceClaimTemplateName === undefined
    ? []
    : [{ name: claimName, resourceClaimTemplateName: placement.resourceClaimTemplateName }]
  const resourceClaims = namedOver(claims, asList(template["resourceClaims"]))
  const topologySpreadConstraints = [...asList(template["topologySpreadConstraints"]), ...spread]
  return {
    ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
    ...(topologySpreadConstraints.length === 0 ? {} : { topologySpreadConstraints }),
    ...(resourceClaims.length === 0 ? {} : { resourceClaims })
  }
}
